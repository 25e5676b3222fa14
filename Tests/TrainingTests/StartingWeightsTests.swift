import CPUKernels
import ExperimentSpec
import PretrainedWeights
import Safetensors
import TestSupport
import Testing
import Training

/// Runs that start from weights that were trained before.
@Suite struct StartingWeightsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func train(_ configuration: RunConfiguration) throws -> MemoryRecorder {
        let recorder = MemoryRecorder()
        let trainer = try Trainer(
            configuration, data: TrainerTests.data, backend: CPUBackend(), threads: 1, recorder: recorder)
        #expect(try trainer.run { false } == .completed)
        return recorder
    }

    /// What two steps of another run leave, as a checkpoint has it; and a run that starts from it.
    private func prepare(_ change: (inout SafetensorsFile) -> Void = { _ in }) throws -> (
        tensors: [String: SafetensorsTensor], configuration: RunConfiguration
    ) {
        var first = TrainerTests.configuration(steps: 2)
        first.seed = 5
        let tensors = try #require(try train(first).checkpoints[2])
        var file = SafetensorsFile()
        file.metadata = ["format": "cjepa-exp checkpoint"]
        file.tensors = tensors
        change(&file)
        try file.write(to: folder.file("w.safetensors"))
        var configuration = TrainerTests.configuration(steps: 2)
        configuration.model.weights = folder.file("w.safetensors")
        configuration.model.weightContent = try WeightFile(path: folder.file("w.safetensors")).contentDigits()
        return (tensors, configuration)
    }

    @Test func bothEncodersBeginAsTheEncoderOfTheFile() throws {
        let (tensors, configuration) = try prepare()
        let recorder = try train(configuration)
        let start = try #require(recorder.checkpoints[0])
        let plain = try #require(try train(TrainerTests.configuration(steps: 2)).checkpoints[0])
        var compared = 0
        for (name, tensor) in tensors where name.hasPrefix("target_encoder.") {
            let own = name.replacing("target_encoder.", with: "encoder.")
            #expect(start[name] == tensor && start[own] == tensor, "\(name)")
            compared += 1
        }
        #expect(compared == 28)
        // The rest begins as without weights.
        for (name, tensor) in plain where name.hasPrefix("predictor.") { #expect(start[name] == tensor, "\(name)") }
        #expect(start["encoder.norm.bias"] != tensors["encoder.norm.bias"])
        // How far weights move is counted from there.
        let moved = recorder.diagnostics.compactMap { $0["encoders", "target_movement"] }
        #expect(!moved.isEmpty && moved.allSatisfy { $0.isFinite && $0 < 0.5 })
    }

    @Test func thePredictorIsTakenWhereItIsAskedFor() throws {
        let (tensors, fitting) = try prepare()
        var configuration = fitting
        configuration.model.weightPart = .both
        configuration.model.weightEncoder = .context
        let start = try #require(try train(configuration).checkpoints[0])
        for (name, tensor) in tensors where name.hasPrefix("predictor.") || name.hasPrefix("encoder.") {
            #expect(start[name] == tensor, "\(name)")
        }
    }

    @Test func anotherContentThanPlannedAndNumbersThatAreNotFiniteEndTheRunBeforeItBegins() throws {
        var configuration = try prepare().configuration
        configuration.model.weightContent = "0123456789abcdef"
        let changed = try #require(throws: TrainingError.self) { try train(configuration) }
        #expect(changed.description.contains("planned with 0123456789abcdef"), "\(changed)")
        let broken = try prepare { file in
            file.tensors["target_encoder.norm.bias"] = SafetensorsTensor(
                [Float](repeating: .nan, count: 16), shape: [16])
        }
        let error = try #require(throws: TrainingError.self) { try train(broken.configuration) }
        #expect(error.description.contains("encoder.norm.bias holds numbers that are not finite"), "\(error)")
    }
}
