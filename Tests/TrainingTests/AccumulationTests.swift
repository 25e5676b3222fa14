import Declarations
import CPUKernels
import ExperimentSpec
import Kernels
import Masking
import TensorCore
import TestSupport
import Testing
import Training

/// A step in rounds equals the undivided one.
@Suite struct AccumulationTests {
    @Test(
        "as many shards in 2, 3, 4 or 8 rounds give the same bits as in one: losses, gradients, weights",
        arguments: StepGradientTests.cases)
    func sameBits(_ testCase: StepGradientTests.Case) throws {
        let hyperparameters = StepHyperparameters(learningRate: 1e-2, weightDecay: 0.1, momentum: 0.9)
        var whole = StepFixture(testCase, imageCount: 33, shards: 32)
        let (metrics, sum) = try whole.step.gradients(whole.batch, state: whole.state)
        let gradients = whole.backend.values(of: sum)
        let after = try whole.step(hyperparameters)
        for rounds in [2, 3, 4, 8] {
            var parts = StepFixture(testCase, imageCount: 33, shards: 32, rounds: rounds)
            let (own, ownSum) = try parts.step.gradients(parts.batch, state: parts.state)
            #expect(own == metrics)
            #expect(parts.backend.values(of: ownSum) == gradients)
            #expect(try parts.step.evaluate(parts.batch, state: parts.state) == metrics)
            #expect(try parts.step(hyperparameters) == after)
            #expect(parts.backend.values(of: parts.state.online) == whole.backend.values(of: whole.state.online))
            #expect(parts.backend.values(of: parts.state.target) == whole.backend.values(of: whole.state.target))
        }
    }

    @Test(
        "an undivided batch of one shard and k micro-batches agree", arguments: [1, 2, 4, 8],
        StepGradientTests.cases)
    func agrees(rounds: Int, _ testCase: StepGradientTests.Case) throws {
        let whole = StepFixture(testCase, imageCount: 32, shards: 1)
        let parts = StepFixture(testCase, imageCount: 32, shards: 4 * rounds, rounds: rounds)
        let (metrics, sum) = try whole.step.gradients(whole.batch, state: whole.state)
        let (own, ownSum) = try parts.step.gradients(parts.batch, state: parts.state)
        #expect(abs(own.loss - metrics.loss) <= 1e-12 * metrics.loss)
        #expect(relativeError(parts.backend.values(of: ownSum), whole.backend.values(of: sum)) <= 1e-11)
    }

    @Test("without a regulariser one pass is enough, with one two: the images asked for say so", arguments: [0, 0.1])
    func passes(weight: Double) throws {
        var asked: [Range<Int>] = []
        let fixture = StepFixture(
            StepGradientTests.cases[0], imageCount: 16, shards: 8, rounds: 2, regularizerWeight: weight)
        let images = fixture.images
        let batch = StepBatch(
            images: .parts { range in
                asked.append(range)
                return HostBuffer((range.lowerBound * 64..<range.upperBound * 64).map { images[$0] })
            }, imageCount: 16, context: fixture.batch.context, targets: fixture.batch.targets, blockCount: 3)
        let inParts = try fixture.step.gradients(batch, state: fixture.state)
        let own = fixture.backend.values(of: inParts.1)
        let whole = try fixture.step.gradients(fixture.batch, state: fixture.state)
        #expect(asked == (weight == 0 ? [0..<8, 8..<16] : [0..<8, 8..<16, 0..<8, 8..<16]))
        #expect(asked == fixture.step.imageParts)
        #expect(inParts.0 == whole.0)
        #expect(own == fixture.backend.values(of: whole.1))
    }

    @Test(
        "blocks that are run again give the same bits as blocks that kept everything, and take less memory",
        arguments: StepGradientTests.cases, [1, 4])
    func recomputes(_ testCase: StepGradientTests.Case, rounds: Int) throws {
        let hyperparameters = StepHyperparameters(learningRate: 1e-2, weightDecay: 0.1, momentum: 0.9)
        var keeping = StepFixture(testCase, imageCount: 16, shards: 16, rounds: rounds)
        var repeating = StepFixture(testCase, imageCount: 16, shards: 16, rounds: rounds, recomputes: true)
        let (metrics, sum) = try keeping.step.gradients(keeping.batch, state: keeping.state)
        let (own, ownSum) = try repeating.step.gradients(repeating.batch, state: repeating.state)
        #expect(own == metrics)
        #expect(repeating.backend.values(of: ownSum) == keeping.backend.values(of: sum))
        let before = repeating.step.allocations
        for _ in 0..<2 {
            #expect(try repeating.step(hyperparameters) == keeping.step(hyperparameters))
        }
        #expect(
            repeating.backend.values(of: repeating.state.online) == keeping.backend.values(of: keeping.state.online))
        #expect(repeating.step.allocations == before)
        let (less, more) = (repeating.step.workspaceElements, keeping.step.workspaceElements)
        #expect((less.shards + less.threads).allSatisfy { $0.used <= $0.planned })
        for (less, more) in zip(less.shards, more.shards) { #expect(less.used < more.used) }
    }

    @Test("memory is planned for one round, and no step takes more", arguments: StepGradientTests.cases)
    func memory(_ testCase: StepGradientTests.Case) throws {
        var fixture = StepFixture(testCase, imageCount: 32, shards: 16, rounds: 4)
        let whole = StepFixture(testCase, imageCount: 32, shards: 16)
        let before = fixture.step.allocations
        let hyperparameters = StepHyperparameters(learningRate: 1e-3, weightDecay: 0.1, momentum: 0.99)
        for _ in 0..<2 { _ = try fixture.step(hyperparameters) }
        #expect(fixture.step.allocations == before)
        let elements = fixture.step.workspaceElements
        #expect(elements.shards.count == 4 && whole.step.workspaceElements.shards.count == 16)
        #expect(elements.threads.allSatisfy { $0.used <= $0.planned })
        for shard in elements.shards {
            #expect(shard.used <= shard.planned && Double(shard.used) >= 0.95 * Double(shard.planned))
        }
    }

    @Test(
        "a deep network that repeats its blocks gives the same bits in a fraction of the memory",
        arguments: [TrainingConfiguration.Precision.float32, .bf16])
    func recomputesInPrecision(_ precision: TrainingConfiguration.Precision) throws {
        var configuration = Self.configuration
        configuration.training.precision = precision
        configuration.model.depth = 8
        configuration.set("model.predictor.depth", to: 6)
        let keeping = try step(configuration)
        configuration.resources.recompute = true
        let repeating = try step(configuration)
        #expect(repeating.metrics == keeping.metrics)
        #expect(repeating.gradients == keeping.gradients)
        #expect(repeating.elements < keeping.elements / 2)
    }

    @Test(
        "rounds, with blocks run again or not, give the bits of one round",
        arguments: [TrainingConfiguration.Precision.float32, .bf16], ["blocks", "context_target"])
    func sameBitsInPrecision(
        _ precision: TrainingConfiguration.Precision, _ pairs: String
    ) throws {
        var configuration = Self.configuration
        configuration.training.precision = precision
        configuration.set("objective.vicreg.pairs", to: .text(pairs))
        for target in ["ema", "shared_with_gradient"] {
            configuration.set("target_encoder.kind", to: .text(target))
            (configuration.resources.shards, configuration.resources.accumulate) = (16, 1)
            configuration.resources.recompute = false
            let whole = try step(configuration)
            for (rounds, recomputes) in [(2, false), (4, false), (4, true)] {
                configuration.resources.accumulate = rounds
                configuration.resources.recompute = recomputes
                let parts = try step(configuration)
                #expect(parts.metrics == whole.metrics, "\(target), \(rounds) rounds, \(recomputes)")
                #expect(parts.gradients == whole.gradients, "\(target), \(rounds) rounds, \(recomputes)")
            }
        }
    }

    @Test("float32 on OpenBLAS agrees within rounding for k = 1, 2, 4, 8", arguments: [1, 2, 4, 8])
    func float32(rounds: Int) throws {
        var configuration = Self.configuration
        for (projector, widths) in [("none", []), ("linear", [32]), ("mlp", [32, 32, 16])] as [(String, SpecValue)] {
            configuration.set("objective.vicreg.projector.kind", to: .text(projector))
            configuration.set("objective.vicreg.projector.widths", to: widths)
            for pairs in ["blocks", "context_target"] {
                configuration.set("objective.vicreg.pairs", to: .text(pairs))
                configuration.resources.shards = 1
                configuration.resources.accumulate = 1
                let whole = try step(configuration)
                configuration.resources.shards = 4 * rounds
                configuration.resources.accumulate = rounds
                let parts = try step(configuration)
                #expect(abs(parts.metrics.loss - whole.metrics.loss) <= 1e-5 * whole.metrics.loss)
                let error = relativeError(parts.gradients, whole.gradients)
                #expect(error <= 1e-4, "\(projector), \(pairs): \(error)")
            }
        }
    }

    private static var configuration: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.model.preset = .custom
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (48, 3, 3)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (28, 4, 1)
        configuration.model.initialization = .xavier
        configuration.set("model.predictor.width", to: 24)
        configuration.set("model.predictor.depth", to: 2)
        configuration.set("masks.min_keep", to: 4)
        configuration.set("objective.vicreg.weight", to: 0.1)
        (configuration.training.batchSize, configuration.training.steps) = (32, 1)
        return configuration
    }

    private func step(
        _ configuration: RunConfiguration
    ) throws -> (metrics: StepMetrics, gradients: [Float], elements: Int) {
        let settings = try RunSettings(configuration)
        let backend = CPUBackend(precision: configuration.training.precision == .bf16 ? .bf16 : .float32)
        let step = settings.step(on: backend, threads: 2)
        let count = configuration.training.batchSize
        var random = RandomStream(seed: 4, purpose: .tests)
        let images = HostBuffer((0..<(count * 28 * 28)).map { _ in Float(random.normal()) })
        let masks = settings.sampler.sample(seed: 1, step: 0, imageCount: count)
        let batch = StepBatch(
            images: .whole(images), imageCount: count, context: masks.context, targets: masks.targets,
            blockCount: masks.blocks)
        let (metrics, sum) = try step.gradients(batch, state: settings.initialState(on: backend))
        let elements = step.workspaceElements
        return (metrics, backend.values(of: sum), (elements.shards + elements.threads).map(\.planned).reduce(0, +))
    }
}
