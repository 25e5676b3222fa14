import Declarations
import CPUKernels
import ExperimentSpec
import Testing
import Training

@Suite struct RunRehearsalTests {
    private var tiny: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "fashion_mnist_sample")
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (16, 2, 2)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (28, 4, 1)
        configuration.set("model.predictor.width", to: 8)
        configuration.set("model.predictor.depth", to: 1)
        configuration.set("masks.min_keep", to: 4)
        configuration.training.batchSize = 16
        configuration.training.steps = 20
        configuration.set("evaluation.knn.k", to: [10])
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (400, 100)
        return configuration
    }

    @Test(arguments: [1, 2]) func `every part of a run is rehearsed`(slots: Int) throws {
        let cost = CostEstimate(tiny)
        let pace = try RunRehearsal.measure(
            tiny, cost: cost, on: CPUBackend(), slots: slots, threads: 1, seconds: 0.01)
        #expect(pace.tasks.keys.sorted() == ["knn", "linear", "logistic"])
        for part in [pace.step, pace.feature, pace.diagnostics, pace.skill] + pace.tasks.values {
            #expect(part > 0 && part < 60, "\(pace)")
        }
        #expect(pace.start == 0)
    }

    @Test func `long steps are rehearsed on fewer images in the same rounds, short ones whole`() {
        func size(_ flopsPerImage: Double, threads: Int = 2, rounds: Int = 64) -> TrialSize {
            let limits = StepLimits(
                imageCount: 2048, blockCount: 4, contextCount: 150, targetCount: 40, shards: 256, rounds: rounds)
            return TrialSize(limits, flops: 2048 * flopsPerImage, threads: threads, enough: 1e12)
        }
        func check(_ size: TrialSize, images: Int, shards: Int, rounds: Int) {
            #expect(size.images == images && size.shards == shards && size.rounds == rounds, "\(size)")
        }
        check(size(1e11), images: 8, shards: 8, rounds: 2)
        check(size(1e10), images: 64, shards: 8, rounds: 2)
        check(size(1e10, rounds: 16), images: 64, shards: 8, rounds: 2)
        check(size(1e11, threads: 6, rounds: 16), images: 16, shards: 16, rounds: 2)
        check(size(1e10, rounds: 1), images: 96, shards: 12, rounds: 1)
        check(size(4e8), images: 2048, shards: 256, rounds: 64)
        let smallest = StepLimits(imageCount: 2, blockCount: 4, contextCount: 150, targetCount: 40, shards: 2)
        #expect(TrialSize(smallest, flops: 1e15, threads: 2, enough: 1e12) == TrialSize(smallest))
    }

    @Test func `a shortened step stands for all images`() throws {
        var configuration = tiny
        configuration.training.batchSize = 512
        configuration.set("objective.vicreg.weight", to: 0.01)
        (configuration.resources.shards, configuration.resources.accumulate) = (128, 32)
        let whole = try TrialRun(configuration, on: CPUBackend(), threads: 1)
        #expect(whole.settings.limits.imageCount == 512 && whole.settings.limits.rounds == 32)
        let step = try whole.take()
        #expect(abs(whole.stepSeconds(step) - step.seconds) <= 1e-9 * step.seconds)
        let trial = try TrialRun(configuration, on: CPUBackend(), threads: 1, enough: step.flops / 16)
        let limits = trial.settings.limits
        #expect(limits.imageCount <= 32 && limits.rounds == 2 && limits.shards == 8)
        let short = try trial.take()
        #expect(short.contextPatches == step.contextPatches && short.targetPatches == step.targetPatches)
        let update = short.phases[.update]
        let factor = 512 / Double(limits.imageCount)
        #expect(abs(trial.stepSeconds(short) - (factor * (short.seconds - update) + update)) <= 1e-9 * step.seconds)
    }

    @Test func `a few steps stand for all by the masks of many`() throws {
        let trial = try TrialRun(tiny, on: CPUBackend(), threads: 1)
        let expected = try #require(trial.expectedFLOPs)
        let flops = try (0..<512).map { _ in try trial.take().flops }
        #expect(abs(flops.reduce(0, +) / 512 - expected) <= 1e-9 * expected)
        // The estimate has its own draws; their standard error is about 1 %.
        #expect(abs(CostEstimate(tiny).flopsPerStep / expected - 1) < 0.06)
        var cut = tiny
        cut.set("masks.context_count", to: "batch")
        #expect(try TrialRun(cut, on: CPUBackend(), threads: 1).expectedFLOPs == nil)
    }

    @Test func `a configuration that cannot take a step is refused`() {
        var configuration = tiny
        configuration.set("masks.min_keep", to: 40)
        #expect(throws: (any Error).self) {
            try RunRehearsal.measure(
                configuration, cost: CostEstimate(tiny), on: CPUBackend(), slots: 2, threads: 1, seconds: 0.01)
        }
    }
}
