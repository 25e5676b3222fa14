import Foundation
import Safetensors

/// A file that is being written, in pieces at any places, by any thread.
final class PartialFile: Sendable {
    let path: String
    /// The file that it becomes, which errors name.
    private let target: String
    private let descriptor: Int32

    /// Opens the file, made where missing, with whatever it holds.
    ///
    /// - Throws: `FileWriteError`, as everything that follows.
    init(path: String, for target: String) throws {
        self.path = path
        self.target = target
        descriptor = try OwnFile.open(path)
    }

    deinit { close(descriptor) }

    /// Whether no other process is writing it; it stays so as long as this object lives.
    func lock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    var byteCount: Int {
        get throws {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw failure("measure") }
            return Int(status.st_size)
        }
    }

    /// Cuts the file off, or makes it longer; what is new is zero and takes no space.
    func resize(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure("write") }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        guard let start = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            // Linux takes at most 2 GiB at once.
            let count = pwrite(descriptor, start + done, min(bytes.count - done, 1 << 30), off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            done += count
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws { try bytes.withUnsafeBytes { try write($0, at: offset) } }

    /// Fills `bytes` from the file.
    ///
    /// - Throws: `FileWriteError` also where the file ends before.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        guard let start = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = pread(descriptor, start + done, bytes.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            if count == 0 { errno = EIO }
            guard count > 0 else { throw failure("read") }
            done += count
        }
    }

    func flush() throws {
        guard fdatasync(descriptor) == 0 else { throw failure("flush") }
    }

    /// Gives the file its name, in place of whatever had it.
    func publish() throws {
        guard rename(path, target) == 0 else { throw failure("rename") }
        // The rename itself lives in the folder; some file systems cannot flush those, and it has happened all the same.
        let folder = open(
            URL(fileURLWithPath: target).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private func failure(_ operation: String) -> FileWriteError {
        FileWriteError(path: target, operation: operation, code: errno)
    }
}

/// Writes bytes one after the other into a part of a file, some at a time.
struct SequentialOutput {
    private let file: PartialFile
    /// Where the next byte belongs.
    private(set) var place: Int
    private var pending: [UInt8] = []
    /// CRC-32 of all bytes that were appended, once they are flushed.
    private(set) var checksum = Checksum32()

    private static let limit = 1 << 20

    init(_ file: PartialFile, at place: Int) {
        (self.file, self.place) = (file, place)
        pending.reserveCapacity(Self.limit + 4096)
    }

    mutating func append(_ bytes: some Sequence<UInt8>) throws {
        pending.append(contentsOf: bytes)
        if pending.count >= Self.limit { try flush() }
    }

    mutating func append<Integer: FixedWidthInteger>(littleEndian value: Integer) throws {
        try withUnsafeBytes(of: value.littleEndian) { try append($0) }
    }

    /// Brings what was appended into the file.
    mutating func flush() throws {
        try file.write(pending, at: place)
        checksum.append(pending)
        place += pending.count
        pending.removeAll(keepingCapacity: true)
    }
}
