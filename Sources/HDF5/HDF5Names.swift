import CHDF5

/// Names that the library hands over one after the other: of a group's members, of an object's attributes.
enum HDF5Names {
    /// What the library calls back with.
    private struct Collected {
        var names: [String] = []
        var isComplete = true
    }

    /// Collects names through `visit`, which takes the callback and its context.
    ///
    /// - Parameter what: "members", "attributes".
    /// - Throws: `HDF5Error` where they cannot be listed, or are more than any file has (`HDF5Bounds.members`).
    static func collect(
        _ what: String, of handle: HDF5Handle,
        _ visit: (chdf5_take_name, UnsafeMutableRawPointer) -> Int32
    ) throws -> [String] {
        var collected = Collected()
        let status = unsafe withUnsafeMutablePointer(to: &collected) { pointer in
            unsafe visit(
                { context, name in
                    guard let context = unsafe context, let name = unsafe name else { return -1 }
                    let collected = unsafe context.assumingMemoryBound(to: Collected.self)
                    guard unsafe collected.pointee.names.count < HDF5Bounds.members else {
                        unsafe collected.pointee.isComplete = false
                        return 1
                    }
                    unsafe collected.pointee.names.append(String(cString: name))
                    return 0
                }, UnsafeMutableRawPointer(pointer))
        }
        try handle.check(status, "list the \(what) of")
        guard collected.isComplete else {
            throw handle.error("list", "it has more than \(HDF5Bounds.members) \(what)")
        }
        return collected.names
    }
}
