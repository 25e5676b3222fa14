import ExperimentSpec
import Foundation
import RunStore
import Safetensors
import TestSupport
import Testing

/// A fingerprint tells any difference in what a run computed, and none in how long it took.
@Suite struct RunFingerprintTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Content {
        var losses: [Double] = [1, 0.5, .nan]
        var seconds = 0.1
        var weight: Float = 2
        var embedding: Float = 3
        var label: Int32 = 4
        var configuration = RunConfiguration()
        var counters = ["count": "0"]
    }

    private func fingerprint(_ name: String, _ change: (inout Content) -> Void = { _ in }) throws -> RunFingerprint {
        var content = Content()
        change(&content)
        let run = RunDirectory(path: folder.file(name))
        try run.create()
        let header = RunHeader(experiment: "e", arm: "a", seed: 0, configurationHash: "ab", status: .done)
        let writer = try RunWriter.create(
            at: run.resultsFile, header: header, configuration: content.configuration)
        for (index, loss) in content.losses.enumerated() {
            writer.append("steps", [("step", Double(index + 1)), ("loss", loss), ("step_seconds", content.seconds)])
        }
        writer.append("evaluation/target", [("step", 0), ("rankme", 3)])
        writer.append(vector: [3, 2, 1], to: "evaluation/target", column: "singular_values")
        writer.setMatrix("embeddings/target/step_3", rows: 1, columns: 2, [content.embedding, 0])
        writer.setIntegers("embeddings/labels", [content.label])
        writer.setProvenance(["started_at": .string("\(Date())"), "attempts": .integer(Int.random(in: 0..<1000))])
        try writer.commit()
        let tensor = SafetensorsTensor([1, content.weight] as [Float], shape: [2])
        try run.checkpoints.save(
            configurationHash: "ab", step: 3, tensors: ["w": SafetensorsSource(tensor)], metadata: content.counters,
            keeping: 1)
        return try RunFingerprint(of: run)
    }

    @Test func equalResultsAreEqualHoweverLongTheyTook() throws {
        let first = try fingerprint("first")
        let second = try fingerprint("second") {
            $0.seconds = 9
            $0.configuration.resources.loaderThreads = 7
        }
        #expect(first.differences(from: second).isEmpty)
        #expect(first == second)
        #expect(first.excluded == ["/steps/step_seconds"])
        #expect(first.datasets.count >= 8 && first.weights.count == 2)
    }

    @Test func everyDifferenceIsNamed() throws {
        let first = try fingerprint("first")
        func differences(_ change: @escaping (inout Content) -> Void) throws -> [String] {
            try fingerprint("other", change).differences(from: first)
        }
        #expect(try differences { $0.losses[1] = 0.5.nextUp } == ["/steps/loss"])
        #expect(try differences { $0.losses[2] = 0 } == ["/steps/loss"])
        #expect(try differences { $0.losses.removeLast() } == ["/steps/loss", "/steps/step"])
        #expect(try differences { $0.weight = Float(2).nextUp } == ["w"])
        #expect(try differences { $0.embedding = -3 } == ["/embeddings/target/step_3"])
        #expect(try differences { $0.label = 5 } == ["/embeddings/labels"])
        #expect(try differences { $0.counters["count"] = "1" } == ["(step and counters)"])
        #expect(try differences { $0.configuration.schedule.learningRate = 0.5 } == ["/configuration"])
    }

    @Test func integrityFindsWhatIsMissingOrTwice() throws {
        _ = try fingerprint("run")
        let run = RunDirectory(path: folder.file("run"))
        let whole = RunIntegrity(of: run, hash: "ab", announced: 3)
        #expect(whole.problems.isEmpty && whole.checkpoint == 3 && whole.steps == 3)
        #expect(RunIntegrity(of: run, hash: "ab", announced: 4).problems.count == 1)
        #expect(RunIntegrity(of: run, hash: "cd", announced: nil).problems.count == 1)
        let writer = try RunWriter.resume(at: run.resultsFile, keepingThroughStep: 3)
        writer.append("steps", [("step", 3), ("loss", 0), ("step_seconds", 0)])
        try writer.commit()
        #expect(RunIntegrity(of: run, hash: "ab", announced: 3).problems.first?.contains("every step once") == true)
        let cut = try RunWriter.resume(at: run.resultsFile, keepingThroughStep: 2)
        try cut.commit()
        #expect(RunIntegrity(of: run, hash: "ab", announced: 3).problems.first?.contains("only 2 steps") == true)
        try Data(contentsOf: URL(fileURLWithPath: run.resultsFile)).prefix(2000).write(
            to: URL(fileURLWithPath: run.resultsFile))
        #expect(RunIntegrity(of: run, hash: "ab", announced: 3).problems.count == 1)
        let none = RunDirectory(path: folder.file("none"))
        #expect(RunIntegrity(of: none, hash: "ab", announced: nil).problems.isEmpty)
    }
}
