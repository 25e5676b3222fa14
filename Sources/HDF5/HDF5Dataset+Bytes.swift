import CHDF5

/// Arrays whose elements are runs of bytes, each of its own length: files in an array.
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

    /// Reads the run of bytes in a row to the front of `bytes`, which grows where it must.
    ///
    /// - Parameter limit: Most bytes.
    /// - Returns: How many they are; none where they are more than the limit.
    /// - Throws: `HDF5Error`; also for a row that there is not.
    package func readBytes(row: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int? {
        try HDF5Library.serialized {
            let (selection, memory, count) = try select(
                row..<row + 1, "read", elementByteCount: unsafe MemoryLayout<hvl_t>.stride)
            guard count == 1 else { throw handle.error("read", "it has \(count) values in a row, not one") }
            try checkChunks(rows: row..<row + 1)
            let type = try handle.owning(H5Tvlen_create(chdf5_uint8()), "make a type")
            var run = unsafe hvl_t()
            try handle.check(
                unsafe H5Dread(handle.id, type.id, memory.id, selection.id, chdf5_default(), &run), "read")
            defer { _ = unsafe H5Dvlen_reclaim(type.id, memory.id, chdf5_default(), &run) }
            guard unsafe run.len <= limit else { return nil }
            let length = unsafe Int(run.len)
            if bytes.count < length { bytes = Array(repeating: 0, count: length) }
            guard length > 0, let start = unsafe run.p else { return 0 }
            unsafe bytes.withUnsafeMutableBytes {
                unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: start, count: length))
            }
            return length
        }
    }
}
