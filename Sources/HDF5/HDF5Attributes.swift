import CHDF5

/// The value of an attribute.
package enum HDF5AttributeValue: Sendable, Hashable {
    case string(String)
    case integer(Int)
    case double(Double)
    case strings([String])
    case integers([Int])
    case doubles([Double])

    /// Bytes of memory that it takes, about.
    fileprivate var byteCount: Int {
        func size(_ text: String) -> Int { MemoryLayout<String>.stride + text.utf8.count }
        return switch self {
        case .string(let text): size(text)
        case .strings(let texts): texts.reduce(0) { $0 + size($1) }
        case .integer, .double: MemoryLayout<Int>.stride
        case .integers(let numbers): numbers.count * MemoryLayout<Int>.stride
        case .doubles(let numbers): numbers.count * MemoryLayout<Double>.stride
        }
    }
}

/// The attributes of a group or dataset.
package struct HDF5Attributes {
    let handle: HDF5Handle

    /// Sorted.
    /// - Throws: `HDF5Error`; also where there are more than any file has.
    package func names() throws -> [String] {
        try HDF5Library.serialized {
            try unsafe HDF5Names.collect("attributes", of: handle) { take, context in
                unsafe chdf5_attribute_names(handle.id, take, context)
            }
        }
    }

    /// Every attribute by its name.
    /// - Throws: `HDF5Error`; also for types other than strings and numbers, and where all of them together take more
    ///   memory than the file may.
    package func all() throws -> [String: HDF5AttributeValue] {
        var values: [String: HDF5AttributeValue] = [:]
        var byteCount = 0
        for name in try names() {
            guard let value = try read(name) else { continue }
            byteCount += name.utf8.count + value.byteCount
            guard byteCount <= handle.memoryLimit else {
                throw handle.error("read", "its attributes take more than \(handle.memoryLimit >> 20) MiB of memory")
            }
            values[name] = value
        }
        return values
    }

    /// The value of an attribute; none where there is no such attribute.
    /// - Throws: `HDF5Error`; also for types other than strings and numbers.
    package func read(_ name: String) throws -> HDF5AttributeValue? {
        try HDF5Library.serialized {
            if try handle.check(unsafe H5Aexists(handle.id, name), "look for attribute \(name)") == 0 { return nil }
            let attribute = try handle.owning(
                unsafe H5Aopen(handle.id, name, chdf5_default()), "open", object: "\(handle.object)@\(name)")
            let space = try attribute.owning(H5Aget_space(attribute.id), "measure")
            let type = try attribute.owning(H5Aget_type(attribute.id), "inspect")
            let shape = try HDF5Space.shape(of: space) ?? [0]
            let count = try HDF5Space.count(
                of: shape, elementByteCount: max(H5Tget_size(type.id), MemoryLayout<Int64>.size), for: attribute)
            switch H5Tget_class(type.id) {
            case H5T_STRING:
                try HDF5Strings.check(count: count, type: type, of: attribute)
                let values = try unsafe HDF5Strings.read(count: count, fileType: type, space: space) {
                    unsafe H5Aread(attribute.id, $0, $1)
                }
                return shape.isEmpty ? .string(values[0]) : .strings(values)
            case H5T_INTEGER:
                let values = try numbers(of: attribute, count: count, as: Int64.self).map { Int($0) }
                return shape.isEmpty ? .integer(values[0]) : .integers(values)
            case H5T_FLOAT:
                let values = try numbers(of: attribute, count: count, as: Double.self)
                return shape.isEmpty ? .double(values[0]) : .doubles(values)
            default: throw attribute.error("read", "neither a string nor a number")
            }
        }
    }

    private func numbers<Element: HDF5Element>(
        of attribute: HDF5Handle, count: Int, as type: Element.Type
    ) throws -> [Element] {
        let stored = try attribute.owning(H5Aget_type(attribute.id), "inspect")
        guard H5Tget_size(stored.id) <= HDF5Bounds.numberBytes else {
            throw attribute.error("read", "its numbers of \(H5Tget_size(stored.id)) bytes are no plain numbers")
        }
        if count == 0 { return [] }
        var values = [Element](repeating: .zero, count: count)
        try unsafe values.withUnsafeMutableBytes { bytes in
            _ = try attribute.check(
                unsafe H5Aread(attribute.id, Element.hdf5Type.identifier, bytes.baseAddress), "read")
        }
        return values
    }

    /// Sets an attribute; one of that name is replaced.
    /// - Throws: `HDF5Error`.
    package func write(_ name: String, _ value: HDF5AttributeValue) throws {
        try HDF5Library.serialized {
            switch value {
            case .string(let text): try write(name, strings: [text], shape: [])
            case .strings(let texts): try write(name, strings: texts, shape: [texts.count])
            case .integer(let number): try write(name, [Int64(number)], shape: [])
            case .integers(let numbers): try write(name, numbers.map { Int64($0) }, shape: [numbers.count])
            case .double(let number): try write(name, [number], shape: [])
            case .doubles(let numbers): try write(name, numbers, shape: [numbers.count])
            }
        }
    }

    private func write(_ name: String, strings: [String], shape: [Int]) throws {
        let type = try HDF5Strings.variableType(for: handle)
        let attribute = try create(name, type.id, shape: shape)
        try unsafe HDF5Strings.withPointers(strings) { pointers in
            _ = try attribute.check(unsafe H5Awrite(attribute.id, type.id, pointers), "write")
        }
    }

    private func write<Element: HDF5Element>(_ name: String, _ values: [Element], shape: [Int]) throws {
        let attribute = try create(name, Element.hdf5Type.identifier, shape: shape)
        try unsafe values.withUnsafeBytes { bytes in
            _ = try attribute.check(
                unsafe H5Awrite(attribute.id, Element.hdf5Type.identifier, bytes.baseAddress), "write")
        }
    }

    private func create(_ name: String, _ type: hid_t, shape: [Int]) throws -> HDF5Handle {
        if try handle.check(unsafe H5Aexists(handle.id, name), "look for attribute \(name)") > 0 {
            try handle.check(unsafe H5Adelete(handle.id, name), "replace attribute \(name) of")
        }
        let space = try HDF5Space.simple(shape, for: handle)
        let id = unsafe H5Acreate2(handle.id, name, type, space.id, chdf5_default(), chdf5_default())
        return try handle.owning(id, "create", object: "\(handle.object)@\(name)")
    }
}
