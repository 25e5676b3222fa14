import Kernels
import Objectives

/// A part of the objective, to take the gradient of.
struct LossPart: Sendable {
    var includesPrediction: Bool
    var includesRegularizer: Bool
    /// The weights of the regulariser's terms; none: the objective's.
    var vicreg: VICReg?

    static let whole = LossPart(includesPrediction: true, includesRegularizer: true)
    static let prediction = LossPart(includesPrediction: true, includesRegularizer: false)
    static func regularizer(_ vicreg: VICReg) -> LossPart {
        LossPart(includesPrediction: false, includesRegularizer: true, vicreg: vicreg)
    }
}

/// How large a loss term's own gradient is, as it enters the sum: weighted, before clipping.
package struct TermGradient: Sendable, Hashable {
    /// "prediction", "regulariser" (VICReg as a whole), "invariance", "variance", "covariance".
    package let term: String
    /// L2 norm over the context encoder's parameters.
    package let encoderNorm: Double
    /// Over the predictor's; none without a predictor.
    package let predictorNorm: Double?
}

/// The terms' gradients at one step.
package struct GradientRecord: Sendable {
    /// The step that this batch makes.
    package let step: Int
    package let terms: [TermGradient]
}

extension TrainingStep {
    /// The gradient norms of the terms on a batch, each by forward and backward passes of its own, in a step's rounds
    /// and over all its processes.
    ///
    /// Nothing that a step uses is left changed: the next one fills gradients and workspaces anew. A term whose weight
    /// is 0 is left out.
    ///
    /// - Parameter batch: Asked for the images of every round anew by each term.
    /// - Throws: What the batch's images throw.
    package func termGradients(_ batch: StepBatch, state: TrainingState<Backend>) throws -> [TermGradient] {
        var terms = [try gradient("prediction", batch, state, .prediction)]
        guard objective.regularizerWeight != 0 else { return terms }
        let vicreg = objective.vicreg
        terms.append(try gradient("regulariser", batch, state, .regularizer(vicreg)))
        let parts = [
            ("invariance", VICReg(invariance: vicreg.invariance, variance: 0, covariance: 0), vicreg.invariance),
            ("variance", VICReg(invariance: 0, variance: vicreg.variance, covariance: 0), vicreg.variance),
            ("covariance", VICReg(invariance: 0, variance: 0, covariance: vicreg.covariance), vicreg.covariance),
        ]
        for (name, part, weight) in parts where weight != 0 {
            terms.append(try gradient(name, batch, state, .regularizer(part)))
        }
        return terms
    }

    private func gradient(
        _ term: String, _ batch: StepBatch, _ state: TrainingState<Backend>, _ part: LossPart
    ) throws -> TermGradient {
        _ = try passes(batch, state, part: part)
        let norms = update.norms()
        return TermGradient(
            term: term, encoderNorm: norms.encoder, predictorNorm: networks.predictor == nil ? nil : norms.predictor)
    }
}
