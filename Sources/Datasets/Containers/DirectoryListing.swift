import Foundation

/// What a folder holds, in the order of the names' bytes, which for UTF-8 is the order of code points, Python's order.
@safe
struct DirectoryListing {
    enum Kind {
        case file, folder
        /// A link to nothing, a pipe, a device.
        case other
    }

    struct Entry {
        let start: Int
        let length: Int
        let kind: Kind
    }

    /// As the folder was before it was read.
    let stamp: FileStamp
    private var names: [UInt8] = []
    private(set) var entries: [Entry] = []

    /// - Throws: `DatasetError` for a folder that is missing or cannot be read.
    init(_ path: String, remedy: String) throws {
        func failure() -> DatasetError {
            let cause = unsafe String(cString: strerror(errno))
            return DatasetError(place: path, problem: "cannot be read as a folder (\(cause))", remedy: remedy)
        }
        guard let folder = unsafe opendir(path) else { throw failure() }
        defer { unsafe closedir(folder) }
        let descriptor = unsafe dirfd(folder)
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure() }
        stamp = FileStamp(status)
        let nameOffset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else {
                if errno != 0 { throw failure() }
                break
            }
            // An entry is shorter than its type: only the bytes up to the name's end are there.
            let name = unsafe UnsafeRawPointer(entry) + nameOffset
            let length = unsafe strlen(name.assumingMemoryBound(to: CChar.self))
            let kind = unsafe Self.kind(Int32(entry.pointee.d_type), name, in: descriptor)
            let bytes = unsafe UnsafeRawBufferPointer(start: name, count: length)
            if length <= 2, unsafe bytes.allSatisfy({ $0 == UInt8(ascii: ".") }) { continue }
            entries.append(Entry(start: names.count, length: length, kind: kind))
            unsafe names.append(contentsOf: bytes)
        }
        sort()
    }

    func name(_ entry: Entry) -> ArraySlice<UInt8> { names[entry.start..<entry.start + entry.length] }

    private static func kind(_ type: Int32, _ name: UnsafeRawPointer, in folder: Int32) -> Kind {
        switch type {
        case Int32(DT_REG): return .file
        case Int32(DT_DIR): return .folder
        case Int32(DT_LNK), Int32(DT_UNKNOWN):
            var status = stat()
            guard unsafe fstatat(folder, name.assumingMemoryBound(to: CChar.self), &status, 0) == 0 else {
                return .other
            }
            return switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            default: .other
            }
        default: return .other
        }
    }

    private mutating func sort() {
        unsafe names.withUnsafeBytes { names in
            guard let base = names.baseAddress else { return }
            entries.sort { one, other in
                let order = unsafe memcmp(base + one.start, base + other.start, min(one.length, other.length))
                return order != 0 ? order < 0 : one.length < other.length
            }
        }
    }
}
