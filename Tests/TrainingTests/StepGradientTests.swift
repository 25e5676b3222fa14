import Declarations
import ExperimentSpec
import Expressions
import Kernels
import Networks
import Objectives
import TensorCore
import TestSupport
import Testing

import Training

/// The gradient of the whole objective, checked by central differences in Double.
@Suite struct StepGradientTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var rule: any TargetEncoderRule = MovingAverageTarget()
        var pairs = TermViews.predictions
        var prediction: any PredictionLoss = SquaredError()
        var projector: Projector.Settings?
        var hasPredictor = true
        var vicreg = VICReg(invariance: 25, variance: 25, covariance: 1)
        /// Further terms; those that share go through the same projector.
        var others: [(term: ObjectiveTerm, isProjected: Bool)] = []
        var testDescription: String { name }
    }

    private static func term(_ regularizer: some Regularizer, _ weight: Double, _ views: TermViews) -> ObjectiveTerm {
        ObjectiveTerm(regularizer, weight: WeightSchedule(weight), views: views)
    }

    static let cases: [Case] = [
        Case(name: "EMA target, pairs of blocks"),
        Case(name: "smooth L1", prediction: SmoothL1()),
        Case(name: "invariance alone", vicreg: VICReg(invariance: 25, variance: 0, covariance: 0)),
        Case(name: "variance alone", vicreg: VICReg(invariance: 0, variance: 25, covariance: 0)),
        Case(name: "covariance alone", vicreg: VICReg(invariance: 0, variance: 0, covariance: 25)),
        Case(name: "context against target", pairs: .contextTarget),
        Case(name: "gradient through the targets", rule: SharedTargetWithGradient()),
        Case(
            name: "gradient through the targets, context against target", rule: SharedTargetWithGradient(),
            pairs: .contextTarget),
        Case(name: "linear projector", projector: .linear(input: 8, output: 6)),
        Case(name: "MLP projector", projector: .mlp(input: 8, widths: [10, 7, 6])),
        Case(name: "MLP projector, views together", projector: .mlp(input: 8, widths: [10, 7, 6], batchNorm: .joint)),
        Case(name: "no predictor", hasPredictor: false),
        Case(name: "no predictor, context against target", pairs: .contextTarget, hasPredictor: false),
        Case(
            name: "Barlow Twins on context and targets beside VICReg on blocks", rule: SharedTargetWithGradient(),
            others: [(term(BarlowTwins(offDiagonal: 0.5), 0.3, .contextTarget), false)]),
        Case(
            name: "SIGReg on the context and on predictions, one of them behind VICReg's projector",
            projector: .mlp(input: 8, widths: [10, 7, 6]),
            others: [
                (term(SIGReg(directions: 5), 0.2, .context), false),
                (term(SIGReg(directions: 5), 0.1, .predictions), true),
            ]),
        Case(
            name: "SIGReg on targets that have a gradient", rule: SharedTargetWithGradient(), pairs: .contextTarget,
            others: [(term(SIGReg(directions: 5), 0.2, .targets), false)]),
        Case(name: "predictions against the context", pairs: .predictionsContext),
        Case(
            name: "predictions against targets that have a gradient, behind a projector",
            rule: SharedTargetWithGradient(),
            pairs: .predictionsTargets, projector: .linear(input: 8, output: 6)),
        Case(
            name: "every patch's prediction, behind a projector", pairs: .patches,
            projector: .mlp(input: 8, widths: [10, 7, 6])),
        Case(
            name: "SIGReg on every patch's prediction beside VICReg on predictions and context",
            pairs: .predictionsContext, others: [(term(SIGReg(directions: 5), 0.2, .patches), false)]),
        Case(name: "a loss that is an expression", prediction: CosineDistance()),
        Case(
            name: "a loss that is no function of differences, with a gradient through the targets",
            rule: SharedTargetWithGradient(), prediction: CosineDistance()),
    ]

    @Test("the gradient agrees with central differences", arguments: cases)
    func gradientAgrees(_ testCase: Case) throws {
        let fixture = StepFixture(testCase)
        let (_, flat) = try fixture.step.gradients(fixture.batch, state: fixture.state)
        let analytic = fixture.backend.values(of: flat)
        let parameters = fixture.backend.values(of: fixture.state.online)
        var random = RandomStream(seed: 11, purpose: .tests)
        var checked = 0
        for section in fixture.networks.sections {
            for entry in section.layout.entries {
                let scale = entry.slot.shape.count
                let largest = (0..<scale).map { abs(analytic[section.offset + entry.slot.offset + $0]) }.max() ?? 0
                for _ in 0..<3 {
                    let index = section.offset + entry.slot.offset + random.integer(below: scale)
                    let numeric = try fixture.slope(at: index, parameters)
                    let error = abs(numeric - analytic[index]) / max(largest, 1e-3)
                    #expect(error <= 1e-5, "\(section.name).\(entry.name): \(analytic[index]) for \(numeric)")
                    checked += 1
                }
            }
        }
        #expect(checked > 30)
    }

    @Test("the bias of keys has no gradient, which softmax cannot see; those of queries and values have one")
    func keyBias() throws {
        let fixture = StepFixture(Self.cases[0])
        let (_, flat) = try fixture.step.gradients(fixture.batch, state: fixture.state)
        let values = fixture.backend.values(of: flat)
        for section in fixture.networks.sections {
            for entry in section.layout.entries where entry.name.hasSuffix("attn.qkv.bias") {
                let start = section.offset + entry.slot.offset
                let width = entry.slot.shape.count / 3
                let parts = (0..<3).map { values[(start + $0 * width)..<(start + ($0 + 1) * width)] }
                #expect(parts[1].allSatisfy { $0 == 0 })
                #expect(parts[0].contains { $0 != 0 } && parts[2].contains { $0 != 0 })
            }
        }
    }

    @Test("stop-gradient on shared weights has the gradient of a separate target with equal weights")
    func stopGradient() throws {
        let shared = StepFixture(Case(name: "shared", rule: SharedTarget()))
        let separate = StepFixture(Case(name: "separate"))
        separate.backend.copy(
            separate.state.online.window(at: 0, separate.state.target.shape), to: separate.state.target)
        let (_, a) = try shared.step.gradients(shared.batch, state: shared.state)
        let (_, b) = try separate.step.gradients(separate.batch, state: separate.state)
        #expect(shared.backend.values(of: a) == separate.backend.values(of: b))
    }

    @Test("the planned workspace is exactly what a step uses", arguments: cases)
    func workspaceIsPlanned(_ testCase: Case) throws {
        var fixture = StepFixture(testCase)
        let before = fixture.step.allocations
        let hyperparameters = StepHyperparameters(learningRate: 1e-3, weightDecay: 0.1, momentum: 0.99)
        for _ in 0..<2 { _ = try fixture.step(hyperparameters) }
        #expect(fixture.step.allocations == before)
        let elements = fixture.step.workspaceElements
        #expect((elements.shards + elements.threads).allSatisfy { $0.used <= $0.planned })
        for shard in elements.shards {
            #expect(Double(shard.used) >= 0.95 * Double(shard.planned), "\(shard.used) of \(shard.planned)")
        }
        // Which thread got the larger shard, or any, is its luck.
        let most = elements.threads.max { $0.used < $1.used }
        #expect(most.map { Double($0.used) >= 0.9 * Double($0.planned) } == true, "\(elements.threads)")
    }

    @Test("leaving out what nothing reads changes nothing but rounding", arguments: cases)
    func neededWorkEqualsAllWork(_ testCase: Case) throws {
        // Predictors of one block, which is first and last, and of three.
        for depth in [1, 3] {
            let needed = StepFixture(testCase, predictorDepth: depth)
            let everything = StepFixture(testCase, predictorDepth: depth, work: .everything)
            let (a, flat) = try needed.step.gradients(needed.batch, state: needed.state)
            let (b, expected) = try everything.step.gradients(everything.batch, state: everything.state)
            #expect(abs(a.loss - b.loss) <= 1e-13 * abs(b.loss))
            let error = relativeError(needed.backend.values(of: flat), everything.backend.values(of: expected))
            #expect(error <= 1e-12, "depth \(depth)")
        }
    }

    @Test("results do not depend on the number of threads", arguments: [2, 3, 7], [2, 5])
    func threads(_ threads: Int, shards: Int) throws {
        let hyperparameters = StepHyperparameters(learningRate: 1e-2, weightDecay: 0.1, momentum: 0.9)
        var one = StepFixture(Self.cases[9], shards: shards, threads: 1)
        var many = StepFixture(Self.cases[9], shards: shards, threads: threads)
        for _ in 0..<3 {
            let a = try one.step(hyperparameters)
            let b = try many.step(hyperparameters)
            #expect(a == b)
        }
        #expect(one.backend.values(of: one.state.online) == many.backend.values(of: many.state.online))
        #expect(one.backend.values(of: one.state.target) == many.backend.values(of: many.state.target))
    }

    @Test("a step moves each kind of target encoder as its rule says")
    func targetRules() throws {
        let settings = Settings(ScheduledMomentum.keys, ["momentum": [0.75, 1]])
        for type in TargetEncoderRules.standard {
            let rule = type.init(settings)
            let hyperparameters = StepHyperparameters(
                learningRate: 1e-2, weightDecay: 0, momentum: rule.momentum(at: 0, of: 10))
            // What is recorded was always the schedule's, whatever the rule does with it.
            #expect(rule.recordedMomentum(at: 4, of: 10) == 0.75 + (1 - 0.75) * 0.4)
            var fixture = StepFixture(Case(name: "rule", rule: rule))
            let before = fixture.backend.values(of: fixture.state.target)
            _ = try fixture.step(hyperparameters)
            let encoder = Array(fixture.backend.values(of: fixture.state.online).prefix(before.count))
            let after = fixture.backend.values(of: fixture.state.target)
            switch rule {
            case is FrozenTarget: #expect(after == before)
            case is SharedTarget, is SharedTargetWithGradient: #expect(after == encoder && after != before)
            default:
                #expect(after != before)
                for index in after.indices {
                    #expect(abs(after[index] - (0.75 * before[index] + 0.25 * encoder[index])) <= 1e-12)
                }
            }
        }
    }

    @Test("a loss that is not finite is reported and leaves the parameters alone")
    func nonFinite() throws {
        var fixture = StepFixture(Self.cases[0])
        fixture.images[0] = .nan
        let before = fixture.backend.values(of: fixture.state.online)
        let hyperparameters = StepHyperparameters(learningRate: 1e-2, weightDecay: 0, momentum: 0.75)
        #expect(throws: TrainingError.self) { _ = try fixture.step(hyperparameters) }
        #expect(fixture.backend.values(of: fixture.state.online) == before)
        #expect(fixture.state.step == 0)
    }

    @Test("clipping scales the gradient to the norm that is allowed")
    func clipping() throws {
        var free = StepFixture(Self.cases[0])
        var clipped = StepFixture(Self.cases[0])
        var hyperparameters = StepHyperparameters(learningRate: 1e-3, weightDecay: 0, momentum: 1)
        let norm = try free.step(hyperparameters).gradientNorm
        hyperparameters.clipNorm = norm / 4
        _ = try clipped.step(hyperparameters)
        let a = free.backend.values(of: free.state.firstMoments)
        let b = clipped.backend.values(of: clipped.state.firstMoments)
        for index in a.indices { #expect(abs(b[index] - a[index] / 4) <= 1e-5 * abs(a[index]) + 1e-18) }
    }
}

/// 1 − the cosine of prediction and target.
private struct CosineDistance: ExpressionPredictionLoss {
    static let name = "cosine"
    static let title = "1 - cosine"

    init() {}
    init(_ settings: Settings) {}

    func losses(_ prediction: Expression, _ target: Expression) -> Expression {
        1 - (prediction.normalized(over: .columns) * target.normalized(over: .columns)).sum(over: .columns)
    }
}

/// A tiny step in Double: 5 images (or as many as asked for) of 1×8×8, patch 2, D 8, two blocks deep.
struct StepFixture {
    let backend = ReferenceBackend<Double>()
    let networks: MethodNetworks
    let step: TrainingStep<ReferenceBackend<Double>>
    let images: HostBuffer<Float>
    let batch: StepBatch
    var state: TrainingState<ReferenceBackend<Double>>

    init(
        _ testCase: StepGradientTests.Case, imageCount: Int = 5, shards: Int = 2, rounds: Int = 1,
        regularizerWeight: Double = 0.1, recomputes: Bool = false, predictorDepth: Int = 1,
        work: NetworkWork = .needed, threads: Int = 2, communicator: any Communicator = SingleProcess()
    ) {
        let encoder = VisionTransformer(
            .init(imageSize: 8, patchSize: 2, channels: 1, width: 8, depth: 2, heads: 2), recomputes: recomputes)
        let predictor = TransformerPredictor(
            .init(encoderWidth: 8, width: 4, depth: predictorDepth, heads: 1, grid: 4), recomputes: recomputes)
        networks = MethodNetworks(
            encoder: encoder, predictor: testCase.hasPredictor ? predictor : MeanPredictor(width: 8),
            projectors: testCase.projector.map { [("projector", Projector($0))] } ?? [])
        var random = RandomStream(seed: 3, purpose: .tests)
        images = HostBuffer((0..<(imageCount * 64)).map { _ in Float(random.normal()) })
        let context: [Int32] = (0..<imageCount).flatMap { _ in RandomStream.sorted(4, below: 16, &random) }
        let targets: [Int32] = (0..<(3 * imageCount)).flatMap { _ in RandomStream.sorted(3, below: 16, &random) }
        batch = StepBatch(
            images: .whole(images), imageCount: imageCount, context: context, targets: targets, blockCount: 3)
        let limits = StepLimits(
            imageCount: imageCount, blockCount: 3, contextCount: 4, targetCount: 3, shards: shards, rounds: rounds)
        step = TrainingStep(
            networks,
            objective: StepObjective(
                prediction: testCase.prediction,
                terms: [
                    ObjectiveTerm(testCase.vicreg, weight: WeightSchedule(regularizerWeight), views: testCase.pairs)
                ] + testCase.others.map(\.term),
                projectors: [testCase.projector == nil ? nil : "projector"]
                    + testCase.others.map { $0.isProjected ? "projector" : nil }),
            targetRule: testCase.rule, limits: limits, backend: backend, threads: threads, work: work,
            communicator: communicator)
        // Larger than a real initialisation, so that every path carries a gradient worth checking.
        let (networks, backend) = (networks, backend)
        state = TrainingState(networks, targetIsSeparate: testCase.rule.hasOwnParameters, on: backend) { online in
            networks.initialize(online, seed: 5, scheme: .xavier, rescaled: false, on: backend)
            backend.store(
                backend.values(of: online).map { $0 == 0 ? 0 : $0 + 0.05 * random.normal() }, in: online)
        }
        if testCase.rule.hasOwnParameters {
            backend.scale(state.target, by: 0.9)
        }
    }

    /// d loss / d parameter by a central difference.
    func slope(at index: Int, _ parameters: [Double]) throws -> Double {
        let h = 1e-5
        let loss = { (shift: Double) in
            var moved = parameters
            moved[index] += shift
            backend.store(moved, in: state.online)
            return try step.evaluate(batch, state: state).loss
        }
        defer { backend.store(parameters, in: state.online) }
        return try (loss(h) - loss(-h)) / (2 * h)
    }

    mutating func step(_ hyperparameters: StepHyperparameters) throws -> StepMetrics {
        try step(batch, hyperparameters, state: &state)
    }
}

extension RandomStream {
    /// `count` different numbers below `bound`, ascending.
    static func sorted(_ count: Int, below bound: Int, _ random: inout RandomStream) -> [Int32] {
        var all = Array(0..<Int32(bound))
        random.shuffle(&all)
        return all.prefix(count).sorted()
    }
}
