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
        return extents.map(Int.init)
    }
}
