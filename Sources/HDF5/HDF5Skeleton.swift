import CHDF5
import Foundation

/// An HDF5 file without its values: what it says of its datasets, and where their values belong.
///
/// Values are plain bytes, one after the other, so whoever has them writes them to their places, in any order, however
/// many they are; the library never sees them. Equal descriptions give equal skeletons.
package struct HDF5Skeleton: Sendable {
    /// What the elements of a dataset are, all of them little-endian.
    package enum Element: Sendable, Hashable {
        case float16
        case bfloat16
        case float32
        case int32
        /// UTF-8 of so many bytes, shorter texts filled up with zeros.
        case text(byteCount: Int)

        package var byteCount: Int {
            switch self {
            case .float16, .bfloat16: 2
            case .float32, .int32: 4
            case .text(let count): count
            }
        }
    }

    package struct Dataset: Sendable {
        package let name: String
        package let element: Element
        /// Extents, slowest first; none of them is 0.
        package let shape: [Int]

        package init(_ name: String, _ element: Element, shape: [Int]) {
            (self.name, self.element, self.shape) = (name, element, shape)
        }

        package var byteCount: Int { shape.reduce(element.byteCount, *) }
    }

    /// Bytes of the whole file.
    package let byteCount: Int
    /// Byte at which the values of a dataset begin, by its name.
    package let offsets: [String: Int]
    /// The bytes that are no values, and where they belong.
    package let pieces: [(offset: Int, bytes: [UInt8])]

    /// - Parameters:
    ///   - attributes: Of the root group; texts.
    ///   - file: What errors call the file.
    /// - Throws: `HDF5Error`.
    package init(_ datasets: [Dataset], attributes: [(String, String)], file: String) throws {
        // The library makes it with holes where the values will be, so of any size it takes a few pages.
        let path = Self.temporaryFolder + "/hdf5-\(UUID())"
        defer { unsafe unlink(path) }
        let offsets = try HDF5Library.serialized {
            let (handle, root) = try HDF5File.created(at: path, name: file, isSealed: false, inMemory: false)
            var offsets: [String: Int] = [:]
            for dataset in datasets { offsets[dataset.name] = try root.reserve(dataset) }
            for (name, value) in attributes { try root.attributes.write(name, .string(value)) }
            try handle.check(H5Fflush(handle.id, H5F_SCOPE_LOCAL), "flush")
            return offsets
        }
        let made = try ReadableFile(path: path)
        byteCount = made.byteCount
        var pieces: [(offset: Int, bytes: [UInt8])] = []
        var place = 0
        let holes = datasets.compactMap { dataset in offsets[dataset.name].map { ($0, dataset.byteCount) } }
        for (start, count) in holes.sorted(by: { $0.0 < $1.0 }) + [(byteCount, 0)] {
            if start > place { pieces.append((place, try made.read(start - place, at: place))) }
            place = start + count
        }
        (self.offsets, self.pieces) = (offsets, pieces)
    }

    /// Memory where there is a file system in it, so that no disk can be full.
    private static var temporaryFolder: String {
        unsafe access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : FileManager.default.temporaryDirectory.path
    }
}

extension HDF5Group {
    /// Creates a dataset whose place in the file is settled, and into which the library writes nothing.
    ///
    /// - Returns: The byte at which its values begin.
    fileprivate func reserve(_ dataset: HDF5Skeleton.Dataset) throws -> Int {
        let operation = "create dataset"
        let type = try dataset.element.type(for: handle)
        let space = try HDF5Space.simple(dataset.shape, for: handle, object: dataset.name)
        let creation = try handle.owning(H5Pcreate(chdf5_dataset_creation()), operation, object: dataset.name)
        try creation.check(H5Pset_obj_track_times(creation.id, false), operation)
        try creation.check(H5Pset_layout(creation.id, H5D_CONTIGUOUS), operation)
        try creation.check(H5Pset_alloc_time(creation.id, H5D_ALLOC_TIME_EARLY), operation)
        try creation.check(H5Pset_fill_time(creation.id, H5D_FILL_TIME_NEVER), operation)
        let created = try handle.owning(
            unsafe H5Dcreate2(
                handle.id, dataset.name, type.id, space.id, chdf5_default(), creation.id, chdf5_default()), operation,
            object: dataset.name)
        let offset = H5Dget_offset(created.id)
        guard let place = Int(exactly: offset), place > 0 else {
            throw created.error(operation, "the library gives its values no place")
        }
        return place
    }
}

extension HDF5Skeleton.Element {
    fileprivate func type(for handle: HDF5Handle) throws -> HDF5Handle {
        switch self {
        case .float32: try handle.owning(H5Tcopy(chdf5_float32()), "make a type")
        case .int32: try handle.owning(H5Tcopy(chdf5_int32()), "make a type")
        case .float16: try Self.narrowFloat(exponentBits: 5, fractionBits: 10, bias: 15, for: handle)
        case .bfloat16: try Self.narrowFloat(exponentBits: 8, fractionBits: 7, bias: 127, for: handle)
        case .text(let count): try HDF5Strings.fixedType(byteCount: count, for: handle)
        }
    }

    /// Floating-point numbers of 16 bits, made from those of 32 bits.
    private static func narrowFloat(
        exponentBits: Int, fractionBits: Int, bias: Int, for handle: HDF5Handle
    ) throws -> HDF5Handle {
        let type = try handle.owning(H5Tcopy(chdf5_float32()), "make a type")
        try type.check(H5Tset_fields(type.id, 15, fractionBits, exponentBits, 0, fractionBits), "make a type")
        try type.check(H5Tset_precision(type.id, 16), "make a type")
        try type.check(H5Tset_size(type.id, 2), "make a type")
        try type.check(H5Tset_ebias(type.id, bias), "make a type")
        return type
    }
}
