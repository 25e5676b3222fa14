import Declarations
import CPUKernels
import ExperimentSpec
import Kernels
import TensorCore
import Testing
import Training

/// Whole steps on bfloat16.
@Suite struct NarrowStepTests {
    /// Blocks of several groups of sequences, in shards of different sizes.
    private var configuration: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "idx")
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (24, 3, 2)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (48, 4, 1)
        configuration.set("model.predictor.width", to: 16)
        configuration.set("model.predictor.depth", to: 3)
        configuration.set("masks.min_keep", to: 4)
        configuration.training.batchSize = 22
        configuration.training.precision = .bf16
        configuration.resources.shards = 6
        configuration.set("objective.vicreg.weight", to: 0.01)
        return configuration
    }

    @Test("results on bfloat16 do not depend on the number of threads", arguments: [2, 5])
    func threads(_ threads: Int) throws {
        let backend = CPUBackend(precision: .bf16)
        let one = try TrialRun(configuration, on: backend, threads: 1, rendersEveryBatch: false)
        let many = try TrialRun(configuration, on: backend, threads: threads, rendersEveryBatch: false)
        for _ in 0..<3 {
            _ = try one.take()
            _ = try many.take()
        }
        let values = backend.values(of: one.state.online)
        #expect(values.allSatisfy { $0.isFinite })
        #expect(values == backend.values(of: many.state.online))
        #expect(backend.values(of: one.state.firstMoments) == backend.values(of: many.state.firstMoments))
        #expect(backend.values(of: one.state.target) == backend.values(of: many.state.target))
    }

    @Test(
        "what a plan says of a step's memory on bfloat16 is what the step plans",
        arguments: [false, true])
    func memory(hasLargePatches: Bool) throws {
        var configuration = configuration
        if hasLargePatches {
            // The patches of a few images are more than all that blocks need for a while.
            (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (256, 32, 3)
            configuration.resources.shards = 1
        }
        // Rows without padding, which the plan does not count; blocks enough that outputs take turns.
        (configuration.model.width, configuration.model.depth) = (64, 6)
        configuration.set("model.predictor.width", to: 64)
        configuration.set("model.predictor.depth", to: 5)
        configuration.training.steps = 1
        configuration.resources.threads = 2
        let settings = try RunSettings(configuration)
        let elements = settings.step(on: CPUBackend(precision: .bf16), threads: 2).workspaceElements
        let planned = (elements.shards + elements.threads).reduce(0) { $0 + 4 * $1.planned }
        let predicted = CostEstimate(configuration).stepMemoryBytes
        #expect(abs(Double(predicted) / Double(planned) - 1) <= 0.1, "\(predicted) for \(planned)")
    }
}
