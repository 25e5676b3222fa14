import CHDF5
import CZstd
import Foundation

/// Zstandard as HDF5's registered filter 32015; a chunk is one frame, the level is the filter's only parameter.
///
/// The same as the plugin in Python's hdf5plugin: https://github.com/HDFGroup/hdf5_plugins, docs/RegisteredFilterPlugins.
enum ZstdFilter {
    static let identifier: H5Z_filter_t = 32015
    static let name: StaticString = "Zstandard compression: http://www.zstd.net"
    static let defaultLevel: Int32 = 3
    static func register() -> Bool {
        // The library keeps the pointer, which a StaticString's is good for.
        let name = unsafe UnsafeRawPointer(Self.name.utf8Start).assumingMemoryBound(to: CChar.self)
        return unsafe chdf5_register_filter(identifier, name, zstdFilter) >= 0
    }
}

/// The filter function: replaces `*buffer`, of which `byteCount` bytes count, and returns the new number of bytes.
///
/// Returns 0 for failure, and leaves the arguments as they are then. Buffers come from malloc, as the library's do.
private func zstdFilter(
    flags: UInt32, parameterCount: Int, parameters: UnsafePointer<UInt32>?, byteCount: Int,
    capacity: UnsafeMutablePointer<Int>?, buffer: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int {
    guard let capacity = unsafe capacity, let buffer = unsafe buffer, let input = unsafe buffer.pointee else {
        return 0
    }
    let decompresses = flags & UInt32(H5Z_FLAG_REVERSE) != 0
    let size: Int
    if decompresses {
        let declared = unsafe ZSTD_getFrameContentSize(input, byteCount)
        // Frames without their size (streamed ones) and damaged ones give values near 2^64. That others are no longer than
        // a chunk is checked before the library comes here (`HDF5Dataset.checkChunks`).
        guard declared <= UInt64(Int.max / 2) else { return 0 }
        size = Int(declared)
    } else {
        size = ZSTD_compressBound(byteCount)
    }
    guard let output = unsafe malloc(max(size, 1)) else { return 0 }
    let written: Int
    if decompresses {
        written = unsafe ZSTD_decompress(output, size, input, byteCount)
    } else {
        var level = ZstdFilter.defaultLevel
        if parameterCount > 0, let parameters = unsafe parameters {
            level = min(max(Int32(bitPattern: unsafe parameters[0]), ZSTD_minCLevel()), ZSTD_maxCLevel())
        }
        written = unsafe ZSTD_compress(output, size, input, byteCount, level)
    }
    guard ZSTD_isError(written) == 0, written > 0, !decompresses || written == size else {
        unsafe free(output)
        return 0
    }
    unsafe free(input)
    unsafe buffer.pointee = output
    unsafe capacity.pointee = max(size, 1)
    return written
}
