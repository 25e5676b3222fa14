import CHDF5

/// Data spaces: the shapes of datasets and selections in them.
enum HDF5Space {
    /// A shape; a scalar where it is empty.
    static func simple(
        _ shape: [Int], isExtendable: Bool = false, for handle: HDF5Handle, object: String? = nil
    ) throws -> HDF5Handle {
        precondition(shape.allSatisfy { $0 >= 0 }, "negative extent in \(shape)")
        if shape.isEmpty { return try handle.owning(H5Screate(H5S_SCALAR), "shape", object: object) }
        let extents = shape.map(UInt64.init)
        var limits = extents
        if isExtendable { limits[0] = chdf5_unlimited() }
        let id = unsafe H5Screate_simple(Int32(shape.count), extents, limits)
        return try handle.owning(id, "shape", object: object)
    }

    /// Extents of a space; empty for a scalar, nil for one without elements by kind ("null").
    static func shape(of space: HDF5Handle) throws -> [Int]? {
        if H5Sget_simple_extent_type(space.id) == H5S_NULL { return nil }
        let rank = try space.check(H5Sget_simple_extent_ndims(space.id), "measure")
        var extents = [UInt64](repeating: 0, count: Int(rank))
        try space.check(unsafe H5Sget_simple_extent_dims(space.id, &extents, nil), "measure")
        return try extents.map { extent in
            guard let extent = Int(exactly: extent) else { throw space.error("measure", "its shape is \(extents)") }
            return extent
        }
    }

    /// The number of elements of a shape, each of which takes `elementByteCount` bytes in memory.
    /// - Throws: `HDF5Error` where they would take more than the file may (`HDF5Bounds`).
    static func count(of shape: [Int], elementByteCount: Int, for handle: HDF5Handle) throws -> Int {
        if shape.contains(0) { return 0 }
        let bytes = shape.reduce(Int?(elementByteCount)) { bytes, extent in
            guard let (product, overflows) = bytes?.multipliedReportingOverflow(by: extent), !overflows else {
                return nil
            }
            return product
        }
        guard let bytes, bytes <= handle.memoryLimit else {
            throw handle.error(
                "read",
                "it claims the shape \(shape), which takes more than \(handle.memoryLimit >> 20) MiB of memory: too "
                    + "much for a file of its size")
        }
        return bytes / max(1, elementByteCount)
    }
}
