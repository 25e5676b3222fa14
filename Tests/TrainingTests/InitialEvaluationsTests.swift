import CPUKernels
import Declarations
import Diagnostics
import ExperimentSpec
import Foundation
import Safetensors
import Testing

@testable import Training

/// Evaluations at initialisation that the runs of an experiment share.
@Suite struct InitialEvaluationsTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("initial-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func train(
        seed: Int = 0, origin: String = "here", shares: Bool = true, _ settings: [String: SpecValue] = [:]
    ) throws -> MemoryRecorder {
        var configuration = TrainerTests.configuration(steps: 1)
        configuration.seed = seed
        for (path, value) in settings { configuration.set(path, to: value) }
        let recorder = MemoryRecorder()
        let trainer = try Trainer(
            configuration, data: TrainerTests.data, backend: CPUBackend(), threads: 1, recorder: recorder,
            initial: shares ? InitialEvaluations(directory: folder, origin: [origin]) : nil)
        #expect(try trainer.run { false } == .completed)
        return recorder
    }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    }

    /// Every number of the evaluations and diagnoses, by its bits.
    private func bits(_ recorder: MemoryRecorder) -> [String] {
        recorder.evaluations.map { record in
            "\(record.step) \(record.encoder) \(record.metrics.map { "\($0.name) \($0.value.bitPattern)" }) "
                + "\(record.singularValues.map(\.bitPattern)) \(record.details) \(record.predictions.classes)"
        }
            + recorder.diagnostics.flatMap { record in
                record.tables.map { table in
                    "\(record.step) \(table.name) \(table.values.map { "\($0.name) \($0.value.bitPattern)" }) "
                        + "\(table.vectors.map { "\($0.name) \($0.values.map(\.bitPattern))" })"
                }
            }
            + recorder.embeddings.map { "\($0.step) \($0.features.values.map(\.bitPattern)) \($0.labels)" }
    }

    @Test func whatIsReadIsWhatWouldBeComputed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let settings: [String: SpecValue] = ["diagnostics.embeddings_at_steps": [0]]
        let (plain, first) = (try train(shares: false, settings), try train(settings))
        #expect(try files.count == 1)
        let second = try train(settings)
        #expect(try files.count == 1)
        #expect(bits(first) == bits(plain))
        #expect(bits(second) == bits(plain))
    }

    @Test func whoComesAtTheSameTimeWaitsAndComputesNothing() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plain = try train()
        let path = "\(folder)/\(try #require(try files.first))"
        func inode() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        }
        let written = try inode()
        try FileManager.default.moveItem(atPath: path, toPath: folder + "/aside")
        var other = FileClaim(path)
        #expect(other != nil)
        let waiting = Task.detached { bits(try train()) }
        try await Task.sleep(for: .milliseconds(300))
        try FileManager.default.moveItem(atPath: folder + "/aside", toPath: path)
        other = nil
        #expect(try await waiting.value == bits(plain))
        // Read, and not made again.
        #expect(try inode() == written)
        #expect(try files.count == 1)
    }

    @Test func armsOfTheSameSeedShareIt() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let ema = try train()
        let shared = try train(["target_encoder.kind": "shared_stop_gradient", "objective.vicreg.weight": 0])
        #expect(try files.count == 1)
        let alone = try train(
            shares: false, ["target_encoder.kind": "shared_stop_gradient", "objective.vicreg.weight": 0])
        #expect(bits(shared) == bits(alone))
        #expect(bits(ema) != bits(shared))
    }

    @Test(
        arguments: [
            (1, "here", [:]), (0, "there", [:]), (0, "here", ["evaluation.knn.k": [7]]),
            (0, "here", ["evaluation.test_images": 90]), (0, "here", ["diagnostics.lidar_objects": 10]),
            (0, "here", ["model.init": "trunc_normal"]), (0, "here", ["evaluation.logistic.enabled": false]),
        ] as [(Int, String, [String: SpecValue])])
    func whateverTheNumbersDependOnMakesAnother(seed: Int, origin: String, settings: [String: SpecValue]) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try train()
        let other = try train(seed: seed, origin: origin, settings)
        #expect(try files.count == 2)
        #expect(bits(other) == bits(try train(seed: seed, shares: false, settings)))
    }

    @Test func aDamagedFileIsComputedAgain() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plain = try train()
        let path = "\(folder)/\(try #require(try files.first))"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(filePath: path))
        #expect(bits(try train()) == bits(plain))
        // And is whole again.
        bytes[bytes.count / 2] ^= 1
        #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
        try Data().write(to: URL(filePath: path))
        #expect(bits(try train()) == bits(plain))
    }

    @Test func aFolderThatCannotBeWrittenCostsNothingButTime() throws {
        try FileManager.default.removeItem(atPath: folder)
        _ = try train()
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
