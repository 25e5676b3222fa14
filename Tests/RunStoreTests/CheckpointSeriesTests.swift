import Foundation
import RunStore
import Safetensors
import TestSupport
import Testing

/// Of several checkpoints the newest whole one counts; damage is found, said and survived.
@Suite struct CheckpointSeriesTests {
    private let folder: TemporaryFolder
    private let series: CheckpointSeries
    private let hash = "abcdef0123"

    init() throws {
        folder = try TemporaryFolder()
        series = RunDirectory(path: folder.path).checkpoints
    }

    private func save(_ step: Int, keeping kept: Int = 9, hash: String? = nil) throws {
        let values = (0..<64).map { Float(step * 100 + $0) }
        try series.save(
            configurationHash: hash ?? self.hash, step: step,
            tensors: ["w": SafetensorsSource(SafetensorsTensor(values, shape: [8, 8]))],
            metadata: ["count": "\(step)"], keeping: kept)
    }

    private func load() throws -> (checkpoint: Checkpoint?, warnings: [String]) {
        var warnings: [String] = []
        let checkpoint = try series.loadNewest(expecting: hash) { warnings.append($0) }
        return (checkpoint, warnings)
    }

    private func change(_ step: Int, _ body: (inout Data) -> Void) throws {
        let url = URL(fileURLWithPath: series.path(step: step))
        var data = try Data(contentsOf: url)
        body(&data)
        try data.write(to: url)
    }

    @Test func theNewestByNumberCountsAndTheLastFewStay() throws {
        #expect(try load().checkpoint == nil)
        for step in [0, 9, 10, 200, 1000] { try save(step, keeping: 3) }
        #expect(series.entries.map(\.step) == [10, 200, 1000])
        let (checkpoint, warnings) = try load()
        #expect(checkpoint?.step == 1000 && warnings.isEmpty)
        #expect(checkpoint?.metadata == ["count": "1000"])
        #expect(try checkpoint?.tensors["w"]?.floats().first == 100_000)
        series.prune(keeping: 1)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["checkpoint-1000.safetensors"])
    }

    /// Every byte of the file is covered: length, header, metadata, tensors, the checksum itself.
    @Test func aFlippedBitAnywhereIsFoundAndTheCheckpointBeforeIsUsed() throws {
        try save(1)
        try save(2)
        let whole = try Data(contentsOf: URL(fileURLWithPath: series.path(step: 2)))
        for place in 0..<whole.count {
            try change(2) { $0[place] ^= 1 << UInt8(place % 8) }
            let (checkpoint, warnings) = try load()
            #expect(checkpoint?.step == 1, "byte \(place)")
            #expect(warnings.count == 1, "byte \(place)")
            #expect(FileManager.default.fileExists(atPath: series.path(step: 2) + ".damaged"), "byte \(place)")
            try whole.write(to: URL(fileURLWithPath: series.path(step: 2)))
        }
        #expect(try load().checkpoint?.step == 2)
    }

    @Test(arguments: [0, 5, 100, -1])
    func aFileThatWasCutOffIsFound(length: Int) throws {
        try save(1)
        try save(2)
        try change(2) { $0 = $0.prefix(length < 0 ? $0.count - 1 : length) }
        let (checkpoint, warnings) = try load()
        #expect(checkpoint?.step == 1)
        #expect(warnings.first?.hasPrefix("checkpoint-2.safetensors is damaged (") == true)
        #expect(warnings.first?.hasSuffix("resumes from the checkpoint before it, step 1") == true)
    }

    @Test func aCheckpointSetAsideNoLongerCountsButIsKeptUntilTheEnd() throws {
        try save(1)
        try save(2)
        try change(2) { $0[$0.count - 1] ^= 1 }
        _ = try load()
        // The next one is older by its number than the damaged one, and must not be dropped in its favour.
        try save(2, keeping: 1)
        #expect(series.entries.map(\.step) == [2])
        #expect(try load().warnings.isEmpty)
        series.removeRemains()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["checkpoint-2.safetensors"])
    }

    @Test func whereAllAreDamagedNothingIsTouchedAndTheErrorSaysSo() throws {
        try save(1)
        try save(2)
        for step in [1, 2] { try change(step) { $0[$0.count - 1] ^= 1 } }
        for _ in 0..<2 {
            #expect {
                try load()
            } throws: { error in
                guard let error = error as? RunStoreError else { return false }
                return error.file == series.path(step: 2) && error.message.contains("and so are the 1 before it")
                    && error.remedy.contains("to start the run from the beginning")
            }
        }
        #expect(series.entries.map(\.step) == [1, 2])
    }

    @Test func aCheckpointOfAnotherConfigurationIsRefusedNotSkipped() throws {
        try save(1)
        try save(2, hash: "9999999900")
        #expect {
            try load()
        } throws: { "\($0)".contains("belongs to the configuration 99999999, but this run has abcdef01") }
        #expect(series.entries.map(\.step) == [1, 2])
    }

    @Test func aCheckpointUnderAnothersNameIsDamage() throws {
        try save(1)
        try FileManager.default.copyItem(atPath: series.path(step: 1), toPath: series.path(step: 7))
        let (checkpoint, warnings) = try load()
        #expect(checkpoint?.step == 1)
        #expect(warnings.first?.contains("it holds step 1") == true)
    }

    @Test func whatACrashLeftIsNoCheckpoint() throws {
        try save(3)
        try Data("half".utf8).write(to: URL(fileURLWithPath: series.path(step: 4) + ".partial"))
        #expect(try load().checkpoint?.step == 3)
        #expect(try load().warnings.isEmpty)
    }

    @Test func tensorsAreMadeOneAtATime() throws {
        final class Counter: @unchecked Sendable {
            var alive = 0
            var most = 0
        }
        let counter = Counter()
        let sources = (0..<5).map { index in
            SafetensorsSource(.float32, shape: [1024]) { take in
                counter.alive += 1
                counter.most = max(counter.most, counter.alive)
                defer { counter.alive -= 1 }
                try [Float](repeating: Float(index), count: 1024).withUnsafeBytes(take)
            }
        }
        try series.save(
            configurationHash: hash, step: 1,
            tensors: Dictionary(uniqueKeysWithValues: sources.enumerated().map { ("t\($0)", $1) }), keeping: 1)
        #expect(counter.most == 1)
        #expect(try load().checkpoint?.tensors["t3"]?.floats() == [Float](repeating: 3, count: 1024))
    }
}
