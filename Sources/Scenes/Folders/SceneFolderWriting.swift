import Foundation
import Safetensors
import Synchronization

/// Writes a part of a data set with some threads; equal plans give equal bytes whatever their number.
struct SceneFolderWriting {
    private let part: any SceneFolderPart
    private let root: String
    private let threads: Int

    /// Items that are made before their records are written, so that memory does not grow with their number.
    private static let chunk = 64

    init(_ part: any SceneFolderPart, root: String, threads: Int) {
        self.part = part
        self.root = root
        self.threads = max(1, threads)
    }

    /// - Returns: Whether all of it is there; else it was stopped.
    func run(shouldStop: @Sendable () -> Bool, didMake: @Sendable (Int) -> Void) throws -> Bool {
        for (path, text) in part.texts { try write(Array(text.utf8), to: path) }
        // An index is written last: where it is, everything before it is there too, unless somebody has removed it.
        let index = try part.index.flatMap { index in
            try isThere(index.path) ? nil : try IndexFile(index, path: place(of: index.path))
        }
        for start in stride(from: 0, to: part.count, by: Self.chunk) {
            if shouldStop() { return false }
            let items = Array(start..<min(part.count, start + Self.chunk))
            let records = try make(items, needsRecords: index != nil)
            try index?.append(records)
            didMake(items.count)
        }
        try index?.commit()
        return true
    }

    /// Makes what is missing of some items.
    ///
    /// - Returns: Their records, in their order.
    private func make(_ items: [Int], needsRecords: Bool) throws -> [[UInt8]] {
        let next = Atomic<Int>(0)
        let results = Mutex<[Result<[UInt8], any Error>?]>(Array(repeating: nil, count: items.count))
        DispatchQueue.concurrentPerform(iterations: min(threads, items.count)) { _ in
            var painter = ScenePainter(part.sprites)
            while true {
                let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard place < items.count else { return }
                let result = Result { try make(items[place], needsRecord: needsRecords, &painter) }
                results.withLock { $0[place] = result }
            }
        }
        return try results.withLock { $0 }.compactMap { try $0?.get() }
    }

    private func make(_ item: Int, needsRecord: Bool, _ painter: inout ScenePainter) throws -> [UInt8] {
        let paths = part.files(of: item)
        let missing = try paths.indices.filter { try !isThere(paths[$0]) }
        guard needsRecord || !missing.isEmpty else { return [] }
        let made = try part.make(item, &painter)
        for file in missing { try write(made.files[file], to: paths[file]) }
        return made.record
    }

    private func place(of path: String) -> String { "\(root)/\(path)" }

    /// Whether there is such a file, with something in it: after a power cut there may be nothing.
    private func isThere(_ path: String) throws -> Bool {
        var status = stat()
        guard lstat(place(of: path), &status) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileWriteError(path: place(of: path), operation: "replace", code: EINVAL)
        }
        return status.st_size > 0
    }

    /// Writes a file as a whole: one that is there is complete. It is not flushed to the disk, which would take longer than
    /// to make it again.
    private func write(_ bytes: [UInt8], to path: String) throws {
        let place = place(of: path)
        let folder = (place as NSString).deletingLastPathComponent
        if access(folder, F_OK) != 0 {
            try SceneFolder.makeFolder(folder)
        }
        let temporary = AtomicFile.temporaryPath(for: place)
        let descriptor = try OwnFile.create(temporary, for: place)
        var failure: Int32?
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    failure = errno
                    return
                }
                rest = rest.dropFirst(count)
            }
        }
        if close(descriptor) != 0, failure == nil { failure = errno }
        if let failure {
            unlink(temporary)
            throw FileWriteError(path: place, operation: "write", code: failure)
        }
        if rename(temporary, place) != 0 {
            let code = errno
            unlink(temporary)
            throw FileWriteError(path: place, operation: "rename", code: code)
        }
    }
}

/// An index while it is put together.
private final class IndexFile {
    private let index: SceneFolderIndex
    private let file: AtomicFile
    private var isFirst = true

    init(_ index: SceneFolderIndex, path: String) throws {
        self.index = index
        try SceneFolder.makeFolder((path as NSString).deletingLastPathComponent)
        file = try AtomicFile(replacing: path)
        try file.write(Data(index.head.utf8))
    }

    func append(_ records: [[UInt8]]) throws {
        for record in records where !record.isEmpty {
            if !isFirst { try file.write(Data(index.separator.utf8)) }
            isFirst = false
            try file.write(Data(record))
        }
    }

    func commit() throws {
        try file.write(Data(index.tail.utf8))
        try file.commit()
    }
}
