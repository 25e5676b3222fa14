import Kernels
import Objectives

/// A part of the objective, to take the gradient of.
struct LossPart: Sendable {
    /// Terms beside the prediction loss.
    enum Terms: Sendable {
        case all
        case none
        /// One term, or one part of it.
        case one(Int, part: Int?)

        func includes(_ term: Int) -> Bool {
            switch self {
            case .all: true
            case .none: false
            case .one(let only, _): only == term
            }
        }

        var part: Int? { if case .one(_, let part) = self { part } else { nil } }
    }

    var includesPrediction: Bool
    var terms: Terms

    static let whole = LossPart(includesPrediction: true, terms: .all)
    static let prediction = LossPart(includesPrediction: true, terms: .none)
    static func term(_ term: Int, part: Int? = nil) -> LossPart {
        LossPart(includesPrediction: false, terms: .one(term, part: part))
    }
}

/// How large a loss term's own gradient is, as it enters the sum: weighted, before clipping.
package struct TermGradient: Sendable, Hashable {
    /// "prediction", or the name that a term declares for its gradient or for that of one of its parts.
    package let term: String
    /// L2 norm over the context encoder's parameters.
    package let encoderNorm: Double
    /// Over the predictor's; none where it has no parameters.
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
        for (index, term) in objective.terms.enumerated() where term.isActive {
            let declaration = term.declaration
            terms.append(try gradient(declaration.gradientName, batch, state, .term(index)))
            // A single part is the whole term.
            guard declaration.parts.count > 1 else { continue }
            for (part, weight) in term.partWeights.enumerated() where weight != 0 {
                terms.append(
                    try gradient(declaration.gradientPartNames[part], batch, state, .term(index, part: part)))
            }
        }
        return terms
    }

    private func gradient(
        _ term: String, _ batch: StepBatch, _ state: TrainingState<Backend>, _ part: LossPart
    ) throws -> TermGradient {
        _ = try passes(batch, state, part: part)
        let norms = update.norms()
        return TermGradient(
            term: term, encoderNorm: norms.encoder,
            predictorNorm: networks.predictorRange.isEmpty ? nil : norms.predictor)
    }
}
