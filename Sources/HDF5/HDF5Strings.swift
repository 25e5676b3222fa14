import CHDF5
import Glibc

/// Strings of variable and fixed length, as datasets and attributes share them.
enum HDF5Strings {
    /// UTF-8 of variable length, which h5py reads as `str`.
    static func variableType(for handle: HDF5Handle) throws -> HDF5Handle {
        let type = try handle.owning(H5Tcopy(chdf5_c_string()), "make a string type")
        try type.check(H5Tset_size(type.id, chdf5_variable()), "make a string type")
        try type.check(H5Tset_cset(type.id, H5T_CSET_UTF8), "make a string type")
        return type
    }

    /// UTF-8 of so many bytes, shorter ones filled up with zeros; h5py reads it as `bytes`, or `str` by `asstr()`.
    static func fixedType(byteCount: Int, for handle: HDF5Handle) throws -> HDF5Handle {
        let type = try handle.owning(H5Tcopy(chdf5_c_string()), "make a string type")
        try type.check(H5Tset_size(type.id, byteCount), "make a string type")
        try type.check(H5Tset_strpad(type.id, H5T_STR_NULLPAD), "make a string type")
        try type.check(H5Tset_cset(type.id, H5T_CSET_UTF8), "make a string type")
        return type
    }

    /// Hands the strings over as the library takes those of variable length: an array of C strings.
    static func withPointers<Result>(
        _ values: [String], _ body: (UnsafeRawPointer?) throws -> Result
    ) throws -> Result {
        // One block of memory for all, ended by zeros.
        var bytes: [CChar] = []
        var starts: [Int] = []
        for value in values {
            starts.append(bytes.count)
            bytes += value.utf8CString
        }
        return try unsafe bytes.withUnsafeBufferPointer { buffer in
            let pointers = unsafe starts.map { start in unsafe buffer.baseAddress.map { unsafe $0 + start } }
            return try unsafe pointers.withUnsafeBytes { try unsafe body($0.baseAddress) }
        }
    }

    /// Whether so many strings of a type in the file are read. Each of variable length is at most as long as the file, but
    /// any number of them may be the same bytes of it.
    ///
    /// - Throws: `HDF5Error` for more than `HDF5Bounds.strings` of variable length.
    static func check(count: Int, type: HDF5Handle, of handle: HDF5Handle) throws {
        guard try count <= HDF5Bounds.strings || type.check(H5Tis_variable_str(type.id), "read") == 0 else {
            throw handle.error("read", "it holds \(count) strings, more than \(HDF5Bounds.strings)")
        }
    }

    /// Reads `count` strings of the file's type through `read`, which takes the type in memory and the place.
    static func read(
        count: Int, fileType: HDF5Handle, space: HDF5Handle, _ read: (hid_t, UnsafeMutableRawPointer) -> herr_t
    ) throws -> [String] {
        if count == 0 { return [] }
        if try fileType.check(H5Tis_variable_str(fileType.id), "read") > 0 {
            var pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
            return try unsafe pointers.withUnsafeMutableBytes { raw in
                // The file's type says ASCII or UTF-8; the library refuses to convert between them.
                try unsafe fileType.check(read(fileType.id, raw.baseAddress!), "read")
                defer { _ = unsafe H5Dvlen_reclaim(fileType.id, space.id, chdf5_default(), raw.baseAddress) }
                // Strings that are not the same bytes of the file take no more than the file.
                var left = fileType.memoryLimit / HDF5Bounds.ratio
                return try unsafe raw.bindMemory(to: UnsafeMutablePointer<CChar>?.self).map { pointer in
                    guard let pointer = unsafe pointer else { return "" }
                    left -= unsafe strlen(pointer)
                    guard left >= 0 else {
                        throw fileType.error("read", "its \(count) strings are longer than the file")
                    }
                    return unsafe String(cString: pointer)
                }
            }
        }
        let size = H5Tget_size(fileType.id)
        let padding: UInt8? = H5Tget_strpad(fileType.id) == H5T_STR_SPACEPAD ? UInt8(ascii: " ") : nil
        var bytes = [UInt8](repeating: 0, count: count * size)
        try unsafe bytes.withUnsafeMutableBytes { raw in
            _ = try unsafe fileType.check(read(fileType.id, raw.baseAddress!), "read")
        }
        return (0..<count).map { index in
            var text = bytes[(index * size)..<((index + 1) * size)].prefix { $0 != 0 }
            while let last = text.last, last == padding { text.removeLast() }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
