import Declarations
import CPUKernels
import Diagnostics
import ExperimentSpec
import Kernels
import Networks
import Objectives
import TensorCore
import Testing

import Training

/// Gradient norms of single loss terms: what they are, and that measuring them changes nothing.
@Suite struct TermGradientTests {
    private static let whole = VICReg(invariance: 25, variance: 25, covariance: 1)

    private func gradient(_ testCase: StepGradientTests.Case, weight: Double) throws -> (StepFixture, [Double]) {
        let fixture = StepFixture(testCase, regularizerWeight: weight)
        return (
            fixture, fixture.backend.values(of: try fixture.step.gradients(fixture.batch, state: fixture.state).1)
        )
    }

    private func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    @Test(
        "each term's norm is that of the gradient that it adds",
        arguments: [
            StepGradientTests.Case(name: "pairs of blocks"),
            .init(name: "context against target", pairs: .contextTarget),
            .init(name: "gradient through the targets", rule: SharedTargetWithGradient(), pairs: .contextTarget),
            .init(name: "MLP projector", projector: .mlp(input: 8, widths: [10, 7, 6])),
            .init(name: "no predictor", hasPredictor: false),
        ])
    func terms(_ testCase: StepGradientTests.Case) throws {
        let (_, prediction) = try gradient(testCase, weight: 0)
        let (fixture, _) = try gradient(testCase, weight: 0.1)
        let encoder = try #require(fixture.networks.section("encoder")).range
        let predictor = fixture.networks.section("predictor")?.range
        let terms = try fixture.step.termGradients(fixture.batch, state: fixture.state)
        #expect(terms.map(\.term) == ["prediction", "regulariser", "invariance", "variance", "covariance"])
        let parts = [
            ("regulariser", Self.whole), ("invariance", VICReg(invariance: 25, variance: 0, covariance: 0)),
            ("variance", VICReg(invariance: 0, variance: 25, covariance: 0)),
            ("covariance", VICReg(invariance: 0, variance: 0, covariance: 1)),
        ]
        var expected = ["prediction": prediction]
        for (name, vicreg) in parts {
            var part = testCase
            part.vicreg = vicreg
            // The gradient is linear in the terms: what is left without the prediction's is the term's own.
            let total = try gradient(part, weight: 0.1).1
            expected[name] = zip(total, prediction).map { $0 - $1 }
        }
        for term in terms {
            let flat = try #require(expected[term.term])
            let own = norm(Array(flat[encoder]))
            // What is expected is a difference, so it has the rounding of the gradients that it is taken from.
            let rounding = 1e-9 * max(own, norm(Array(prediction[encoder])))
            #expect(own > 0 && abs(term.encoderNorm - own) <= rounding, "\(term.term): \(term.encoderNorm), \(own)")
            #expect((term.predictorNorm == nil) == (predictor == nil))
            if let predictor, let measured = term.predictorNorm {
                let own = norm(Array(flat[predictor]))
                #expect(abs(measured - own) <= 1e-9 * max(own, 1), "\(term.term)")
            }
        }
        // Context features against target features: the predictor has no part in it.
        if testCase.pairs == .contextTarget { #expect(terms[1].predictorNorm == 0) }
    }

    @Test(
        "rounds measure the same norms bit for bit, and leave no trace in the step", arguments: StepGradientTests.cases)
    func rounds(_ testCase: StepGradientTests.Case) throws {
        let whole = StepFixture(testCase, imageCount: 17, shards: 16)
        let expected = try whole.step.termGradients(whole.batch, state: whole.state)
        let (_, sum) = try whole.step.gradients(whole.batch, state: whole.state)
        let gradient = whole.backend.values(of: sum)
        for rounds in [2, 4] {
            let parts = StepFixture(testCase, imageCount: 17, shards: 16, rounds: rounds)
            #expect(try parts.step.termGradients(parts.batch, state: parts.state) == expected)
            let (_, own) = try parts.step.gradients(parts.batch, state: parts.state)
            #expect(parts.backend.values(of: own) == gradient)
        }
    }

    @Test("without a regulariser there is the prediction alone, and a term of weight 0 is left out")
    func absentTerms() throws {
        let plain = StepFixture(.init(name: "I-JEPA"), regularizerWeight: 0)
        #expect(try plain.step.termGradients(plain.batch, state: plain.state).map(\.term) == ["prediction"])
        let part = StepFixture(.init(name: "part", vicreg: VICReg(invariance: 0, variance: 25, covariance: 1)))
        #expect(
            try part.step.termGradients(part.batch, state: part.state).map(\.term)
                == ["prediction", "regulariser", "variance", "covariance"])
    }

    @Test("a step after measuring is the step without, bit for bit", arguments: [0, 6, 9])
    func changesNothing(_ index: Int) throws {
        let testCase = StepGradientTests.cases[index]
        var measured = StepFixture(testCase)
        var plain = StepFixture(testCase)
        let hyperparameters = StepHyperparameters(learningRate: 1e-2, weightDecay: 0.1, momentum: 0.9)
        let allocations = measured.step.allocations
        for _ in 0..<3 {
            _ = try measured.step.termGradients(measured.batch, state: measured.state)
            let (a, b) = (try measured.step(hyperparameters), try plain.step(hyperparameters))
            #expect(a == b)
        }
        #expect(measured.backend.values(of: measured.state.online) == plain.backend.values(of: plain.state.online))
        #expect(measured.backend.values(of: measured.state.target) == plain.backend.values(of: plain.state.target))
        #expect(measured.step.allocations == allocations)
    }

    @Test("a regulariser without terms is none")
    func noTerms() throws {
        var configuration = RunConfiguration()
        configuration.set("objective.vicreg.weight", to: 0.1)
        #expect(try StepObjective(configuration).isRegularized)
        for part in ["invariance", "variance", "covariance"] { configuration.set("objective.vicreg.\(part)", to: 0) }
        #expect(try !StepObjective(configuration).isRegularized)
        configuration.set("objective.vicreg.covariance", to: 1)
        #expect(try StepObjective(configuration).isRegularized)
    }
}
