import CHDF5

/// Arrays whose elements are runs of bytes, each of its own length: files in an array.
///
/// The library is not asked for the runs themselves. It believes the lengths that an array states: of a damaged file it
/// reads and writes beyond its memory, and allocates gibibytes.
extension HDF5Dataset {
    /// Whether its elements are such runs (h5py: `h5py.vlen_dtype(numpy.uint8)`).
    package func holdsRunsOfBytes() throws -> Bool {
        try HDF5Library.serialized {
            let type = try handle.owning(H5Dget_type(handle.id), "inspect")
            guard H5Tget_class(type.id) == H5T_VLEN else { return false }
            let element = try handle.owning(H5Tget_super(type.id), "inspect")
            return H5Tget_class(element.id) == H5T_INTEGER && H5Tget_size(element.id) == 1
        }
    }

    /// Where the references to the runs of an array [n] are, as they are stored.
    ///
    /// A reference is 16 bytes, little-endian: length of the run (4), address of a global heap (8), number of the object in it
    /// that is the run (4).
    ///
    /// - Returns: All of them, or where in the file they lie; and where in the file address 0 is.
    /// - Throws: `HDF5Error` for layouts and filters that are not read.
    package func runReferences() throws -> (references: HDF5RunReferences, base: Int) {
        let count = try shape().reduce(1, *)
        return try HDF5Library.serialized {
            let base = try baseAddress()
            guard let chunk = try chunk() else {
                let offset = H5Dget_offset(handle.id)
                guard let offset = Int(exactly: offset) else {
                    throw handle.error("read", "its elements are not stored, or in its header; write it again")
                }
                return (.place(offset), base)
            }
            guard chunk.count == 1, chunk[0] > 0, try filters().isEmpty else {
                throw handle.error("read", "it is compressed, which gains nothing on images; write it without filters")
            }
            return (.bytes(try references(count: count, chunk: chunk[0])), base)
        }
    }

    private func baseAddress() throws -> Int {
        let file = try handle.owning(H5Iget_file_id(handle.id), "inspect")
        let creation = try handle.owning(H5Fget_create_plist(file.id), "inspect")
        var (addressSize, lengthSize, base): (Int, Int, hsize_t) = (0, 0, 0)
        try handle.check(unsafe H5Pget_sizes(creation.id, &addressSize, &lengthSize), "inspect")
        try handle.check(unsafe H5Pget_userblock(creation.id, &base), "inspect")
        guard addressSize == 8, lengthSize == 8, let base = Int(exactly: base) else {
            throw handle.error("read", "its file has addresses of other than 8 bytes, which are not read")
        }
        return base
    }

    /// Of all elements, chunk after chunk.
    private func references(count: Int, chunk: Int) throws -> [UInt8] {
        let size = HDF5RunReferences.size
        let chunks = (count + chunk - 1) / chunk
        try HDF5ChunkLayout.check(count: [chunks], for: handle)
        guard count <= handle.memoryLimit / size, chunk <= handle.memoryLimit / size else {
            throw handle.error("read", "it claims \(count) elements: too many for a file of its size")
        }
        var references: [UInt8] = []
        references.reserveCapacity(size * count)
        var piece = [UInt8](repeating: 0, count: size * chunk)
        for first in stride(from: 0, to: count, by: chunk) {
            let place = [UInt64(first)]
            var (mask, address, stored): (UInt32, haddr_t, hsize_t) = (0, 0, 0)
            try handle.check(
                unsafe H5Dget_chunk_info_by_coord(handle.id, place, &mask, &address, &stored), "look for a chunk of")
            guard stored == piece.count || stored == 0 else {
                throw handle.error("read", "a chunk of it has \(stored) bytes instead of \(piece.count)")
            }
            let used = size * min(chunk, count - first)
            guard stored > 0 else {
                // Nothing was written there: empty elements.
                references += [UInt8](repeating: 0, count: used)
                continue
            }
            try unsafe piece.withUnsafeMutableBytes { buffer in
                _ = try handle.check(
                    unsafe H5Dread_chunk(handle.id, chdf5_default(), place, &mask, buffer.baseAddress),
                    "read a chunk of")
            }
            references += piece.prefix(used)
        }
        return references
    }
}

/// References to the runs of bytes of an array.
package enum HDF5RunReferences: Sendable {
    /// Bytes of one.
    package static let size = 16

    /// They lie one behind another from this place of the file on.
    case place(Int)
    case bytes([UInt8])
}
