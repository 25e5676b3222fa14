import CHDF5

/// An array in a file.
package struct HDF5Dataset: Sendable {
    let handle: HDF5Handle

    /// Path from the file's root.
    package var path: String { handle.object }
    package var attributes: HDF5Attributes { HDF5Attributes(handle: handle) }

    private func space() throws -> HDF5Handle { try handle.owning(H5Dget_space(handle.id), "measure") }

    /// Whether its values are in its own file.
    /// - Throws: `HDF5Error` where they are in another, which need not be what it was, nor a file of numbers at all.
    func checkThatItIsHere() throws {
        try HDF5Library.serialized {
            let creation = try handle.owning(H5Dget_create_plist(handle.id), "inspect")
            if H5Pget_layout(creation.id) == H5D_VIRTUAL {
                throw handle.error("open", "it is assembled from other files (a virtual dataset), which are not read")
            }
            if try creation.check(H5Pget_external_count(creation.id), "inspect") > 0 {
                throw handle.error("open", "its values are in another file (external storage), which is not read")
            }
        }
    }

    /// Extents, slowest first; empty for a scalar.
    /// - Throws: `HDF5Error`.
    package func shape() throws -> [Int] {
        try HDF5Library.serialized { try HDF5Space.shape(of: space()) ?? [0] }
    }

    /// The type in the file; none for strings and numbers that this module does not write.
    package func elementType() throws -> HDF5ElementType? {
        try HDF5Library.serialized {
            let type = try handle.owning(H5Dget_type(handle.id), "inspect")
            return try HDF5ElementType.allCases.first { candidate in
                try handle.check(H5Tequal(type.id, candidate.identifier), "inspect") > 0
            }
        }
    }

    /// Whether its elements are floating-point numbers of any size and byte order.
    package func isFloatingPoint() throws -> Bool {
        try HDF5Library.serialized {
            let type = try handle.owning(H5Dget_type(handle.id), "inspect")
            return H5Tget_class(type.id) == H5T_FLOAT
        }
    }

    /// Extents of a chunk; none where the layout is contiguous or compact.
    package func chunk() throws -> [Int]? {
        try HDF5Library.serialized {
            let creation = try handle.owning(H5Dget_create_plist(handle.id), "inspect")
            guard H5Pget_layout(creation.id) == H5D_CHUNKED else { return nil }
            var extents = [UInt64](repeating: 0, count: 32)
            let rank = try creation.check(unsafe H5Pget_chunk(creation.id, 32, &extents), "inspect")
            return extents.prefix(Int(rank)).map { Int(clamping: $0) }
        }
    }

    /// Filters in the order in which they are applied when writing.
    package func filters() throws -> [HDF5Filter] {
        try HDF5Library.serialized {
            let creation = try handle.owning(H5Dget_create_plist(handle.id), "inspect")
            let count = try creation.check(H5Pget_nfilters(creation.id), "inspect")
            return try (0..<count).map { index in
                var (flags, configuration): (UInt32, UInt32) = (0, 0)
                var parameterCount = 16
                var parameters = [UInt32](repeating: 0, count: parameterCount)
                let identifier = unsafe H5Pget_filter2(
                    creation.id, UInt32(index), &flags, &parameterCount, &parameters, 0, nil, &configuration)
                try creation.check(identifier, "inspect")
                return HDF5Filter(
                    identifier: Int(identifier), parameters: parameters.prefix(parameterCount).map(Int.init))
            }
        }
    }

    /// Bytes that the elements take in the file.
    package func storedByteCount() -> Int {
        HDF5Library.serialized { Int(clamping: H5Dget_storage_size(handle.id)) }
    }

    // MARK: Reading

    /// Bytes of memory that all elements take as `Element`.
    /// - Throws: `HDF5Error` where they are more than the file may take.
    package func byteCount<Element: HDF5Element>(as type: Element.Type) throws -> Int {
        try HDF5Library.serialized { try count(of: shape(), as: type) * MemoryLayout<Element>.stride }
    }

    /// All elements, row-major, converted to `Element`.
    /// - Throws: `HDF5Error`; also for strings, and for fractions asked for as integers.
    package func read<Element: HDF5Element>(as type: Element.Type = Element.self) throws -> [Element] {
        try HDF5Library.serialized {
            let count = try count(of: shape(), as: Element.self)
            try checkChunks()
            return try read(count: count, memory: chdf5_all(), file: chdf5_all())
        }
    }

    /// Rows of the first axis, [rows.count, …].
    /// - Throws: `HDF5Error`; also for rows that there are not.
    package func read<Element: HDF5Element>(rows: Range<Int>, as type: Element.Type = Element.self) throws -> [Element]
    {
        try HDF5Library.serialized {
            let (selection, memory, count) = try select(
                rows, "read", elementByteCount: MemoryLayout<Element>.stride)
            try checkChunks(rows: rows)
            return try read(count: count, memory: memory.id, file: selection.id)
        }
    }

    /// The number of elements of a shape.
    /// - Throws: `HDF5Error` where they would take more memory than the file may.
    private func count<Element: HDF5Element>(of shape: [Int], as type: Element.Type) throws -> Int {
        try HDF5Space.count(of: shape, elementByteCount: MemoryLayout<Element>.stride, for: handle)
    }

    private func read<Element: HDF5Element>(count: Int, memory: hid_t, file: hid_t) throws -> [Element] {
        try checkConversion(to: Element.hdf5Type)
        if count == 0 { return [] }
        var status: herr_t = 0
        let values = unsafe [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Zeroed first: after a failed read every element must hold something.
            unsafe buffer.initialize(repeating: .zero)
            status = unsafe H5Dread(
                handle.id, Element.hdf5Type.identifier, memory, file, chdf5_default(), buffer.baseAddress)
            initialized = count
        }
        try handle.check(status, "read")
        return values
    }

    private func checkConversion(to type: HDF5ElementType) throws {
        let stored = try handle.owning(H5Dget_type(handle.id), "inspect")
        guard H5Tget_size(stored.id) <= HDF5Bounds.numberBytes || H5Tget_class(stored.id) == H5T_STRING else {
            throw handle.error("read", "its elements of \(H5Tget_size(stored.id)) bytes are not plain numbers")
        }
        switch H5Tget_class(stored.id) {
        case H5T_INTEGER: return
        case H5T_FLOAT:
            if !type.isFloatingPoint { throw handle.error("read", "it holds fractions, but is read as \(type)") }
        case H5T_STRING: throw handle.error("read", "it holds strings, but is read as \(type)")
        default: throw handle.error("read", "it does not hold plain numbers")
        }
    }

    /// Strings of fixed or variable length, row-major.
    /// - Throws: `HDF5Error`; also for numbers.
    package func readStrings() throws -> [String] {
        try HDF5Library.serialized {
            let type = try handle.owning(H5Dget_type(handle.id), "inspect")
            guard H5Tget_class(type.id) == H5T_STRING else { throw handle.error("read", "it does not hold strings") }
            let count = try HDF5Space.count(
                of: shape(), elementByteCount: max(1, H5Tget_size(type.id)), for: handle)
            try checkChunks()
            try HDF5Strings.check(count: count, type: type, of: handle)
            return try unsafe HDF5Strings.read(count: count, fileType: type, space: space()) {
                unsafe H5Dread(handle.id, $0, chdf5_all(), chdf5_all(), chdf5_default(), $1)
            }
        }
    }

    // MARK: Writing

    /// Replaces all elements.
    /// - Precondition: `values.count` is the product of the dataset's shape.
    package func write<Element: HDF5Element>(_ values: [Element]) throws {
        try HDF5Library.serialized {
            let shape = try shape()
            precondition(values.count == shape.reduce(1, *), "\(values.count) values for \(path) of shape \(shape)")
            try write(values, memory: chdf5_all(), file: chdf5_all())
        }
    }

    /// Replaces whole rows from `row` on.
    /// - Precondition: `values` are whole rows.
    /// - Throws: `HDF5Error`; also for rows that there are not.
    package func write<Element: HDF5Element>(_ values: [Element], atRow row: Int) throws {
        try HDF5Library.serialized {
            let shape = try shape()
            let width = shape.dropFirst().reduce(1, *)
            precondition(width > 0 && values.count % width == 0, "\(values.count) values for rows of shape \(shape)")
            let (selection, memory, _) = try select(
                row..<(row + values.count / width), "write", elementByteCount: MemoryLayout<Element>.stride)
            try write(values, memory: memory.id, file: selection.id)
        }
    }

    private func write<Element: HDF5Element>(_ values: [Element], memory: hid_t, file: hid_t) throws {
        if values.isEmpty { return }
        try handle.check(
            unsafe values.withUnsafeBytes {
                unsafe H5Dwrite(
                    handle.id, Element.hdf5Type.identifier, memory, file, chdf5_default(), $0.baseAddress)
            }, "write")
    }

    /// Sets the extent of the first axis; new rows are zero.
    /// - Throws: `HDF5Error`; also where the dataset is not extendable.
    package func extend(toRows rows: Int) throws {
        try HDF5Library.serialized {
            var extents = try shape().map(UInt64.init)
            precondition(!extents.isEmpty && rows >= 0, "a scalar has no rows")
            extents[0] = UInt64(rows)
            try handle.check(unsafe H5Dset_extent(handle.id, extents), "extend")
        }
    }

    /// Selects rows in the file, with the space that they fill in memory and their number of elements.
    func select(
        _ rows: Range<Int>, _ operation: String, elementByteCount: Int
    ) throws -> (file: HDF5Handle, memory: HDF5Handle, count: Int) {
        let file = try space()
        var shape = try HDF5Space.shape(of: file) ?? []
        guard let total = shape.first, rows.lowerBound >= 0, rows.upperBound <= total else {
            throw handle.error(operation, "rows \(rows) of shape \(shape)")
        }
        shape[0] = rows.count
        let start = [UInt64(rows.lowerBound)] + shape.dropFirst().map { _ in 0 }
        let count = shape.map(UInt64.init)
        try file.check(unsafe H5Sselect_hyperslab(file.id, H5S_SELECT_SET, start, nil, count, nil), operation)
        return (
            file, try HDF5Space.simple(shape, for: handle),
            try HDF5Space.count(of: shape, elementByteCount: elementByteCount, for: handle)
        )
    }
}
