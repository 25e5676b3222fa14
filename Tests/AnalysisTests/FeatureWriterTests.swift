import FeatureFiles
import Foundation
import Safetensors
import Synchronization
import Testing

@testable import Analysis

/// Files of features that are written while they are computed, by threads in no order and by processes that are killed.
@Suite struct FeatureWriterTests {
    /// 100 images of three classes, the last of which has no name; names of different lengths, not all of them ASCII.
    private static func table(_ shape: [Int] = [3], _ number: FeatureNumber = .float32) -> FeatureTable {
        FeatureTable(
            rows: 100, shape: shape, number: number, classNames: ["Katze", "chien, grand"],
            origin: [("run", "a-s0"), ("pool", "mean \"x\"")], label: { Int32($0 % 4) - 1 },
            name: { $0 % 7 == 0 ? "größe/\($0).png" : "\($0).jpg" })
    }

    /// Exact in every number.
    private static func values(_ table: FeatureTable, _ rows: Range<Int>) -> [Float] {
        (rows.lowerBound * table.width..<rows.upperBound * table.width).map { Float($0 % 61) / 4 - 7 }
    }

    private static let chunk = 8
    /// Where `make test` puts pyarrow, if there is a network.
    private static let packages = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/python-export").path

    private static func chunks(from first: Int = 0) -> [Range<Int>] {
        stride(from: first, to: 100, by: chunk).map { $0..<min($0 + chunk, 100) }
    }

    private static func write(_ output: FeatureOutput, job: UInt64 = 1, order: [Range<Int>] = chunks()) throws {
        let writer = try FeatureWriter(output, job: job)
        for rows in order { try writer.write(values(output.table, rows), rows: rows) }
        #expect(try writer.finish() == output.files)
    }

    /// Every format with numbers and shapes that it takes.
    private static var cases: [(format: FeatureFileFormat, table: FeatureTable)] {
        FeatureFileFormat.allCases.flatMap { format in
            [[3], [2, 3]].flatMap { shape in
                FeatureNumber.allCases.compactMap { number in
                    format.objection(toNumber: number, axes: shape.count) == nil ? (format, table(shape, number)) : nil
                }
            }
        }
    }

    @Test func `features come back from every format as they went in`() throws {
        try inTemporaryFolder { folder in
            #expect(Self.cases.count == 4 + 4 + 2 + 6 + 6)
            for (number, (format, table)) in Self.cases.enumerated() {
                let output = try FeatureOutput(table, as: format, to: "\(folder)/\(number).\(format.rawValue)")
                try Self.write(output)
                let size = try FileManager.default.attributesOfItem(atPath: output.path)[.size] as? Int
                #expect(size == output.byteCount, "\(format)")
                let file = try FeatureFile(path: output.path)
                let isNamed = [.h5, .npz, .safetensors].contains(format)
                let array = try file.array(isNamed ? "features" : nil)
                #expect(array.shape == [100] + table.shape, "\(format) \(table.number)")
                #expect(array.values == Self.values(table, 0..<100), "\(format) \(table.number)")
            }
        }
    }

    @Test func `the bytes do not depend on the order in which threads are done`() throws {
        try inTemporaryFolder { folder in
            for (format, table) in Self.cases {
                let paths = ["a", "b"].map { "\(folder)/\($0).\(format.rawValue)" }
                try Self.write(FeatureOutput(table, as: format, to: paths[0]))
                let chunks = Self.chunks()
                try Self.write(
                    FeatureOutput(table, as: format, to: paths[1]),
                    order: chunks.indices.map { chunks[($0 * 5 + 3) % chunks.count] })
                #expect(try bytes(paths[0]) == bytes(paths[1]), "\(format)")
                for path in paths { try FileManager.default.removeItem(atPath: path) }
            }
        }
    }

    @Test func `threads may write at the same time`() throws {
        try inTemporaryFolder { folder in
            for format in FeatureFileFormat.allCases {
                let paths = ["a", "b"].map { "\(folder)/\($0).\(format.rawValue)" }
                try Self.write(FeatureOutput(Self.table(), as: format, to: paths[0]))
                let output = try FeatureOutput(Self.table(), as: format, to: paths[1])
                let writer = try FeatureWriter(output, job: 1, interval: .zero)
                let failures = Mutex(0)
                let chunks = Self.chunks()
                DispatchQueue.concurrentPerform(iterations: chunks.count) { index in
                    do {
                        try writer.write(Self.values(output.table, chunks[index]), rows: chunks[index])
                    } catch { failures.withLock { $0 += 1 } }
                }
                _ = try writer.finish()
                #expect(failures.withLock { $0 } == 0)
                #expect(try bytes(paths[0]) == bytes(paths[1]), "\(format)")
            }
        }
    }

    /// Writes some chunks and goes away, as a process that is killed does.
    private static func leave(_ output: FeatureOutput, after count: Int, skipping: Int? = nil) throws {
        let writer = try FeatureWriter(output, job: 1, interval: .zero)
        for (number, rows) in chunks().prefix(count).enumerated() where number != skipping {
            try writer.write(values(output.table, rows), rows: rows)
        }
    }

    @Test func `whoever goes on after a kill ends with the same bytes`() throws {
        try inTemporaryFolder { folder in
            for (format, table) in Self.cases {
                let paths = ["a", "b"].map { "\(folder)/\($0).\(format.rawValue)" }
                try Self.write(FeatureOutput(table, as: format, to: paths[0]))
                let output = try FeatureOutput(table, as: format, to: paths[1])
                // Chunk 4 is missing, so 5 and 6 do not count.
                try Self.leave(output, after: 7, skipping: 4)
                #expect(!FileManager.default.fileExists(atPath: paths[1]))
                let second = try FeatureWriter(output, job: 1)
                #expect(second.resumedRows == 4 * Self.chunk && second.startedOver == nil, "\(format)")
                for rows in Self.chunks(from: second.resumedRows) {
                    try second.write(Self.values(table, rows), rows: rows)
                }
                _ = try second.finish()
                #expect(try bytes(paths[0]) == bytes(paths[1]), "\(format) \(table.number)")
                let left = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(!left.contains { $0.hasSuffix(".partial") || $0.hasSuffix(".progress") })
                for path in paths { try FileManager.default.removeItem(atPath: path) }
            }
        }
    }

    @Test func `a kill after the last image leaves only the end to be done`() throws {
        try inTemporaryFolder { folder in
            let output = try FeatureOutput(Self.table(), as: .npz, to: folder + "/a.npz")
            try Self.leave(output, after: Self.chunks().count)
            let writer = try FeatureWriter(output, job: 1)
            #expect(writer.resumedRows == 100)
            _ = try writer.finish()
            #expect(try FeatureFile(path: output.path).array("features").values == Self.values(Self.table(), 0..<100))
        }
    }

    @Test func `what is damaged or of another job is made anew`() throws {
        try inTemporaryFolder { folder in
            for format in FeatureFileFormat.allCases {
                try Self.write(FeatureOutput(Self.table(), as: format, to: "\(folder)/whole"))
                let output = try FeatureOutput(Self.table(), as: format, to: "\(folder)/a")
                let (partial, progress) = (output.path + ".partial", output.path + ".progress")
                // The first feature of the first row is where the features of all formats begin.
                let place = try #require(
                    try bytes("\(folder)/whole").firstRange(of: Self.table().number.encoded([-7]).bytes)?.lowerBound)
                let damages: [(String, UInt64, () throws -> Void)] = [
                    ("it was cut off", 1, { try change(partial) { $0.removeLast(1) } }),
                    ("its features are damaged", 1, { try change(partial) { $0[place] ^= 1 } }),
                    ("its record is damaged", 1, { try change(progress) { $0[9] ^= 1 } }),
                    ("it was of other images, another encoder or other settings", 2, {}),
                ]
                for (reason, job, damage) in damages {
                    try Self.leave(output, after: 5)
                    try damage()
                    let writer = try FeatureWriter(output, job: job)
                    #expect(writer.startedOver == reason && writer.resumedRows == 0, "\(format)")
                    for rows in Self.chunks() { try writer.write(Self.values(output.table, rows), rows: rows) }
                    _ = try writer.finish()
                    #expect(try bytes(output.path) == bytes("\(folder)/whole"), "\(format) \(reason)")
                }
                // A record that is cut off or damaged counts for nothing; those before it do.
                try Self.leave(output, after: 5)
                try change(progress) { $0[$0.count - 3] ^= 1 }
                #expect(try FeatureWriter(output, job: 1).resumedRows == 4 * Self.chunk)
                try change(progress) { $0.removeLast(1) }
                #expect(try FeatureWriter(output, job: 1).resumedRows == 3 * Self.chunk)
                try FileManager.default.removeItem(atPath: partial)
                #expect(try FeatureWriter(output, job: 1).resumedRows == 0)
                try FileManager.default.removeItem(atPath: progress)
            }
        }
    }

    @Test func `two processes do not write one file`() throws {
        try inTemporaryFolder { folder in
            let output = try FeatureOutput(Self.table(), as: .npy, to: folder + "/a.npy")
            let first = try FeatureWriter(output, job: 1)
            #expect {
                _ = try FeatureWriter(output, job: 1)
            } throws: {
                ($0 as? AnalysisError)?.message == "is being written by another process"
            }
            withExtendedLifetime(first) {}
        }
    }

    @Test func `devices and folders are not replaced`() throws {
        try inTemporaryFolder { folder in
            for path in ["/dev/null", "/dev/none.npy", folder] {
                #expect(throws: FileWriteError.self) {
                    _ = try FeatureWriter(FeatureOutput(Self.table(), as: .npy, to: path), job: 1)
                }
                #expect(!FileManager.default.fileExists(atPath: path + ".progress"))
            }
        }
    }

    @Test func `numbers that a type cannot hold are counted`() throws {
        try inTemporaryFolder { folder in
            let table = Self.table([3], .float16)
            let output = try FeatureOutput(table, as: .npy, to: folder + "/a.npy")
            let writer = try FeatureWriter(output, job: 1)
            for rows in Self.chunks() {
                var values = Self.values(table, rows)
                if rows.lowerBound == 0 { values.replaceSubrange(0..<3, with: [70_000, .nan, -.infinity]) }
                try writer.write(values, rows: rows)
            }
            _ = try writer.finish()
            #expect(writer.nonFinite == 3)
        }
    }

    @Test func `Parquet's row groups are bounded and read as one table`() throws {
        try inTemporaryFolder { folder in
            let path = folder + "/a.parquet"
            for number in [FeatureNumber.float32, .float16] {
                let table = Self.table([5], number)
                try Self.write(FeatureOutput(table, layout: ParquetLayout(table, rowsOfGroup: 13), path: path))
                #expect(try FeatureFile(path: path).array(nil).values == Self.values(table, 0..<100))
            }
        }
    }

    @Test func `archives beyond 4 GiB have 64-bit sizes and places`() throws {
        try inTemporaryFolder { folder in
            let (table, path) = (Self.table(), folder + "/a.npz")
            // As if 32 bits ended at these sizes: before the first member's size, between members, at the directory.
            for limit in [500, 2000, 9000] {
                let layout = ArchiveLayout(table, limit: limit)
                try Self.write(FeatureOutput(table, layout: layout, path: path))
                #expect(try bytes(path).count == layout.byteCount)
                #expect(try FeatureFile(path: path).array("features").values == Self.values(table, 0..<100), "\(limit)")
                let zip = try python(
                    "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), len(z.namelist()))", path
                )
                #expect(zip == "None 5\n", "\(zip)")
            }
            #expect(ArchiveLayout(table).byteCount < ArchiveLayout(table, limit: 500).byteCount)
        }
    }

    @Test func `a table beside a .npy names its rows`() throws {
        try inTemporaryFolder { folder in
            try Self.write(FeatureOutput(Self.table(), as: .npy, to: folder + "/a.npy"))
            let lines = try String(contentsOfFile: folder + "/a-images.csv", encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 101)
            #expect(lines[0] == "name,label,label_name" && lines[1] == "größe/0.png,-1,-1")
            #expect(lines[2] == "1.jpg,0,Katze" && lines[3] == "2.jpg,1,\"chien, grand\"" && lines[4] == "3.jpg,2,2")
        }
    }

    @Test func `Python reads names, labels and origin from every format`() throws {
        try inTemporaryFolder { folder in
            for format in FeatureFileFormat.allCases {
                for number in FeatureNumber.allCases where format.objection(toNumber: number, axes: 1) == nil {
                    let path = "\(folder)/\(number.rawValue).\(format.rawValue)"
                    try Self.write(FeatureOutput(Self.table([3], number), as: format, to: path))
                }
            }
            let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Python/test_embed.py").path
            // A script that checks nothing would end well too.
            let text = try python(nil, script, folder)
            #expect(text == "formats read: h5 npz npy safetensors\n")
            guard FileManager.default.fileExists(atPath: Self.packages + "/pyarrow") else { return }
            let more = try python(nil, script, folder, Self.packages)
            #expect(more == "formats read: h5 npz npy safetensors parquet\n")
        }
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    private func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        var content = [UInt8](try bytes(path))
        body(&content)
        try Data(content).write(to: URL(filePath: path))
    }

    /// What a program, or a script, prints.
    private func python(_ program: String?, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = (program.map { ["-c", $0] } ?? []) + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        return text
    }
}
