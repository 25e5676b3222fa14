import CHDF5
import CZlib
import CZstd

extension HDF5Dataset {
    /// Compares what chunks are stored as with what they unpack to, before the library unpacks any of them.
    ///
    /// The library takes whatever it finds for a whole chunk. Of one that is too short it would read beyond the end, and
    /// of a few bytes that deflate to gibibytes it would fill the memory.
    ///
    /// - Parameter rows: Of the first axis; none: all of them.
    /// - Throws: `HDF5Error` for chunks that unpack to more or fewer bytes than a chunk has, for filters that this module
    ///   does not know, and for more chunks than the file may have.
    func checkChunks(rows: Range<Int>? = nil) throws {
        guard let chunk = try chunk() else { return }
        var shape = try shape()
        guard !shape.contains(0), chunk.count == shape.count, !chunk.contains(0) else { return }
        let type = try handle.owning(H5Dget_type(handle.id), "inspect")
        let size = max(1, H5Tget_size(type.id))
        let layout = HDF5ChunkLayout(
            byteCount: try HDF5Space.count(of: chunk, elementByteCount: size, for: handle) * size,
            filters: try filters(), handle: handle)
        // Only chunks that hold one of the rows.
        var first = 0
        if let rows {
            guard !rows.isEmpty else { return }
            first = rows.lowerBound / chunk[0]
            shape[0] = min(shape[0], rows.upperBound)
        }
        let counts = zip(shape, chunk).map { ($0 - 1) / $1 + 1 }
        try HDF5ChunkLayout.check(count: counts, for: handle)
        var place = [first] + [Int](repeating: 0, count: counts.count - 1)
        while place[0] < counts[0] {
            try layout.check(chunkAt: zip(place, chunk).map { UInt64($0 * $1) })
            var axis = place.count - 1
            place[axis] += 1
            while axis > 0, place[axis] == counts[axis] {
                place[axis] = 0
                axis -= 1
                place[axis] += 1
            }
        }
    }
}

/// How the chunks of a dataset are stored.
struct HDF5ChunkLayout {
    /// Bytes of a chunk in memory.
    let byteCount: Int
    /// In the order in which they are applied when writing.
    let filters: [HDF5Filter]
    let handle: HDF5Handle

    /// What filters that come before a compressor may add to a chunk: checksums.
    private static let margin = 64

    private enum Known {
        static let (deflate, shuffle, checksum) = (1, 2, 3)
    }

    /// - Parameter counts: Chunks along each axis.
    /// - Throws: `HDF5Error` where what the library notes of each would take more memory than the file may.
    static func check(count counts: [Int], for handle: HDF5Handle) throws {
        let most = handle.memoryLimit / HDF5Bounds.bytesOfChunk
        var total = 1
        for count in counts {
            guard total <= most / count else {
                throw handle.error("read", "it claims more than \(most) chunks: too many for a file of its size")
            }
            total *= count
        }
    }

    /// Checks the chunk whose first element has these indices; one that is not stored is all fill value.
    func check(chunkAt offset: [UInt64]) throws {
        var (mask, address, stored): (UInt32, haddr_t, hsize_t) = (0, 0, 0)
        try handle.check(
            unsafe H5Dget_chunk_info_by_coord(handle.id, offset, &mask, &address, &stored), "look for a chunk of")
        guard stored > 0 else { return }
        guard let stored = Int(exactly: stored), stored <= handle.memoryLimit else {
            throw misfit(Int(clamping: stored))
        }
        var size = stored
        // Bytes of the file, as long as no filter has changed them.
        var content: [UInt8]? = try filters.isEmpty ? [] : bytes(ofChunkAt: offset, count: stored)
        for (index, filter) in filters.enumerated().reversed() where mask >> UInt32(min(index, 31)) & 1 == 0 {
            switch filter.identifier {
            case Known.checksum:
                guard size >= 4 else { throw misfit(size) }
                size -= 4
            case Known.shuffle: content = nil
            case Known.deflate, HDF5Filter.zstdIdentifier:
                guard let packed = content else { throw unknown("packed in an order that is not read") }
                let limit = byteCount + Self.margin
                let unpacked =
                    filter.identifier == Known.deflate
                    ? Inflation.byteCount(of: packed.prefix(size), limit: limit)
                    : Self.zstdByteCount(of: packed.prefix(size))
                guard let unpacked, unpacked <= limit else {
                    throw handle.error("read", "a chunk of it is damaged, or unpacks to more than \(limit) bytes")
                }
                size = unpacked
                content = nil
            default:
                throw unknown("packed with the filter \(filter.identifier)")
            }
        }
        guard size == byteCount else { throw misfit(size) }
    }

    private func bytes(ofChunkAt offset: [UInt64], count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var mask: UInt32 = 0
        try unsafe bytes.withUnsafeMutableBytes { buffer in
            _ = try handle.check(
                unsafe H5Dread_chunk(handle.id, chdf5_default(), offset, &mask, buffer.baseAddress), "read a chunk of")
        }
        return bytes
    }

    /// What a frame says of itself; the filter refuses one that unpacks to anything else.
    private static func zstdByteCount(of bytes: ArraySlice<UInt8>) -> Int? {
        // Frames without their size (streamed ones) and damaged ones give values near 2^64.
        let declared = unsafe bytes.withUnsafeBytes { unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        return declared <= UInt64(Int.max / 2) ? Int(declared) : nil
    }

    private func misfit(_ size: Int) -> HDF5Error {
        handle.error("read", "a chunk of it has \(size) \(size == 1 ? "byte" : "bytes") instead of \(byteCount)")
    }

    private func unknown(_ what: String) -> HDF5Error {
        handle.error("read", "it is \(what); gzip, zstd, shuffle and Fletcher32 are read")
    }
}

/// Deflated data of zlib's format that is unpacked for its size alone.
enum Inflation {
    /// Bytes that `packed` unpacks to, at most one more than `limit`; none where it is damaged or ends before its end.
    static func byteCount(of packed: ArraySlice<UInt8>, limit: Int) -> Int? {
        var stream = unsafe z_stream()
        guard unsafe inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { unsafe inflateEnd(&stream) }
        var scratch = [UInt8](repeating: 0, count: 1 << 16)
        var (count, code) = (0, Z_OK)
        unsafe packed.withUnsafeBytes { source in
            unsafe stream.next_in = unsafe UnsafeMutablePointer(
                mutating: source.baseAddress?.assumingMemoryBound(to: Bytef.self))
            // Chunks have fewer bytes than 2^32.
            unsafe stream.avail_in = uInt(clamping: source.count)
            unsafe scratch.withUnsafeMutableBytes { target in
                while code == Z_OK, count <= limit {
                    unsafe stream.next_out = unsafe target.baseAddress?.assumingMemoryBound(to: Bytef.self)
                    unsafe stream.avail_out = uInt(target.count)
                    code = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                    count += unsafe target.count - Int(stream.avail_out)
                }
            }
        }
        if count > limit { return limit + 1 }
        return code == Z_STREAM_END ? count : nil
    }
}
