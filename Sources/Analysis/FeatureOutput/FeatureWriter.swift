import Foundation
import Safetensors
import Synchronization

/// Writes a file of features while they are computed, so that a process that is killed at any moment can be followed by
/// one that goes on. The bytes that come out do not depend on how often that happened.
///
/// Features go to their places in `<path>.partial`; how many rows from the first on are safely on the disk is told by
/// `<path>.progress`: a mark, a number that tells this job from others and XXH64 of both, then a record for each time that
/// rows were made safe: their number, CRC-32 of their features, how many of their numbers are not finite, XXH64 of these.
/// All the rest is written at the end, and the file gets its name last.
package final class FeatureWriter: Sendable {
    private struct Done {
        var rows = 0
        var checksum = Checksum32()
        var nonFinite = 0
    }

    /// Rows that came before those that precede them.
    private struct Early {
        let end: Int
        let checksum: Checksum32
        let nonFinite: Int
    }

    private struct State {
        /// From the first row on, without a gap.
        var done = Done()
        /// By their first row.
        var early: [Int: Early] = [:]
        var committed = 0
        var isCommitting = false
        var lastCommit: ContinuousClock.Instant
        /// End of the journal.
        var journalEnd: Int
    }

    private let output: FeatureOutput
    private let data: PartialFile
    private let journal: PartialFile
    private let interval: Duration
    private let state: Mutex<State>
    /// Rows that an earlier process had written.
    package let resumedRows: Int
    /// Why what an earlier process had written was of no use; none where it was, or there was nothing.
    package let startedOver: String?

    private static let mark: [UInt8] = Array("CJEPAEJ1".utf8)
    private static let headSize = 24
    private static let recordSize = 32
    /// Bytes of features that are compared at a time.
    private static let checkedBytes = 16 << 20

    static func partialPath(_ path: String) -> String { path + ".partial" }
    static func progressPath(_ path: String) -> String { path + ".progress" }

    /// - Parameters:
    ///   - job: Tells what is computed, of what and with what, from everything else.
    ///   - interval: How often rows are made safe.
    /// - Throws: `AnalysisError` where another process writes the same file; `FileWriteError`.
    package init(_ output: FeatureOutput, job: UInt64, interval: Duration = .seconds(1)) throws {
        let (path, layout) = (output.path, output.layout)
        (self.output, self.interval) = (output, interval)
        // What cannot be replaced at the end is refused at the beginning.
        if AtomicFile.isDevice(path) { throw FileWriteError(path: path, operation: "replace", code: ENODEV) }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw FileWriteError(path: path, operation: "replace", code: EISDIR)
        }
        journal = try PartialFile(path: Self.progressPath(path), for: path)
        guard journal.lock() else {
            throw AnalysisError(
                .outputExists, path: path, message: "is being written by another process",
                remedy: "wait for it, or end it and start again")
        }
        data = try PartialFile(path: Self.partialPath(path), for: path)
        let head = Self.head(job)
        let found = try Self.recover(head, journal: journal, data: data, layout, output.table)
        (resumedRows, startedOver) = (found.done.rows, found.problem)
        if found.done.rows == 0 {
            // Cut to nothing first, so that what is not written yet is zero.
            try data.resize(to: 0)
            try data.resize(to: layout.byteCount)
            try journal.resize(to: 0)
            try journal.write(head, at: 0)
        }
        let end = max(found.journalEnd, Self.headSize)
        try journal.resize(to: end)
        state = Mutex(
            State(done: found.done, committed: found.done.rows, lastCommit: .now, journalEnd: end))
    }

    /// Numbers so far that are not finite, or were too large to stay finite.
    package var nonFinite: Int { state.withLock { $0.done.nonFinite } }

    /// Takes the features of some rows, from any thread and in any order.
    ///
    /// - Parameters:
    ///   - values: One row after the other.
    ///   - rows: None that were taken before.
    /// - Throws: `FileWriteError`.
    package func write(_ values: [Float], rows: Range<Int>) throws {
        let (table, layout) = (output.table, output.layout)
        precondition(
            values.count == rows.count * table.width && rows.upperBound <= table.rows,
            "\(values.count) values for rows \(rows) of \(table.rows)")
        let (bytes, nonFinite) = table.number.encoded(values)
        try layout.write(bytes, rows: rows, to: data)
        let piece = Early(end: rows.upperBound, checksum: Checksum32(bytes), nonFinite: nonFinite)
        let isDue = state.withLock { state in
            state.early[rows.lowerBound] = piece
            while let next = state.early.removeValue(forKey: state.done.rows) {
                state.done.rows = next.end
                state.done.checksum.append(next.checksum)
                state.done.nonFinite += next.nonFinite
            }
            guard !state.isCommitting, state.done.rows > state.committed, .now - state.lastCommit >= interval else {
                return false
            }
            state.isCommitting = true
            return true
        }
        guard isDue else { return }
        defer { state.withLock { $0.isCommitting = false } }
        try commit()
    }

    /// Makes sure that the rows taken so far, up to the first that is missing, outlive this process and the machine's power.
    ///
    /// - Throws: `FileWriteError`.
    package func commit() throws {
        let (done, end) = state.withLock { ($0.done, $0.journalEnd) }
        try data.flush()
        try journal.write(Self.record(done), at: end)
        state.withLock { state in
            state.committed = done.rows
            state.journalEnd = end + Self.recordSize
            state.lastCommit = .now
        }
    }

    /// Writes what belongs to the features and gives the file its name, in place of whatever had it.
    ///
    /// - Returns: The files of the output.
    /// - Precondition: All rows were taken.
    /// - Throws: `FileWriteError`.
    package func finish() throws -> [String] {
        let done = state.withLock { $0.done }
        precondition(done.rows == output.table.rows, "\(done.rows) of \(output.table.rows) rows were written")
        try commit()
        try output.layout.complete(data, features: done.checksum)
        try data.flush()
        try output.layout.writeCompanions(of: output.path)
        try data.publish()
        try? FileManager.default.removeItem(atPath: Self.progressPath(output.path))
        return output.files
    }

    // MARK: Journal

    private static func head(_ job: UInt64) -> [UInt8] {
        let bytes = mark + words([job])
        return bytes + words([checksum(bytes)])
    }

    private static func record(_ done: Done) -> [UInt8] {
        let bytes = words([UInt64(done.rows), UInt64(done.checksum.value), UInt64(done.nonFinite)])
        return bytes + words([checksum(bytes)])
    }

    private static func words(_ values: [UInt64]) -> [UInt8] {
        values.map(\.littleEndian).withUnsafeBytes { Array($0) }
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { XXH64.checksum(of: $0) } }

    private static func word(_ bytes: [UInt8], _ index: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(bytes[8 * index + $1]) << UInt64(8 * $1) }
    }

    /// What an earlier process has left that can be relied on.
    private static func recover(
        _ head: [UInt8], journal: PartialFile, data: PartialFile, _ layout: any FeatureLayout, _ table: FeatureTable
    ) throws -> (done: Done, journalEnd: Int, problem: String?) {
        let size = try journal.byteCount
        guard size > 0 else { return (Done(), 0, nil) }
        var stored = [UInt8](repeating: 0, count: min(size, headSize))
        try stored.withUnsafeMutableBytes { try journal.read(into: $0, at: 0) }
        guard stored.count == headSize, stored.starts(with: mark), word(stored, 2) == checksum(Array(stored.prefix(16)))
        else { return (Done(), 0, "its record is damaged") }
        guard stored == head else { return (Done(), 0, "it was of other images, another encoder or other settings") }
        let (done, end) = try lastRecord(journal, size: size, rows: table.rows, rowBytes: table.rowBytes)
        guard done.rows > 0 else { return (Done(), 0, nil) }
        guard try data.byteCount == layout.byteCount else { return (Done(), 0, "it was cut off") }
        var found = Checksum32()
        let step = max(1, checkedBytes / table.rowBytes)
        for start in stride(from: 0, to: done.rows, by: step) {
            found.append(try layout.read(rows: start..<min(start + step, done.rows), from: data))
        }
        guard found.value == done.checksum.value else { return (Done(), 0, "its features are damaged") }
        return (done, end, nil)
    }

    /// Records grow, so the last that is whole counts.
    private static func lastRecord(
        _ journal: PartialFile, size: Int, rows: Int, rowBytes: Int
    ) throws -> (Done, end: Int) {
        var (done, place) = (Done(), headSize)
        var record = [UInt8](repeating: 0, count: recordSize)
        while size - place >= recordSize {
            try record.withUnsafeMutableBytes { try journal.read(into: $0, at: place) }
            guard word(record, 3) == checksum(Array(record.prefix(24))), let count = Int(exactly: word(record, 0)),
                (done.rows...rows).contains(count), let sum = UInt32(exactly: word(record, 1)),
                let nonFinite = Int(exactly: word(record, 2))
            else { break }
            done = Done(
                rows: count, checksum: Checksum32(value: sum, byteCount: count * rowBytes), nonFinite: nonFinite)
            place += recordSize
        }
        return (done, place)
    }
}
