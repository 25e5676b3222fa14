package import ExperimentSpec
package import Objectives

/// The objective of a step.
package struct StepObjective: Sendable {
    package var prediction: any PredictionLoss
    /// What is computed beside it; terms without a weight are measured and have no gradient.
    package let terms: [ObjectiveTerm]
    /// For each term, the name of the network that its views go through; none: they are compared as they are.
    package let projectors: [String?]
    /// What terms look at.
    let needs: Set<TermViews.Source>
    var needsTargets: Bool { needs.contains(.targets) }
    /// Whether predictions, averaged or not, are compared.
    var needsPredictions: Bool { needs.contains(.predictions) || needs.contains(.patches) }
    /// Of the run, for the weights' schedules; 0: weights are constant.
    package var totalSteps = 0
    /// What terms draw random numbers from.
    package var seed: UInt64 = 0

    /// - Parameter projectors: None: no term has one.
    package init(prediction: any PredictionLoss, terms: [ObjectiveTerm], projectors: [String?]? = nil) {
        self.prediction = prediction
        self.terms = terms
        self.projectors = projectors ?? terms.map { _ in nil }
        needs = Set(terms.flatMap(\.views.sources))
    }

    /// - Throws: `TrainingError` where the terms have more numbers than there is room for.
    package init(_ configuration: RunConfiguration) throws {
        let terms = configuration.measuredTerms
        self.init(
            prediction: configuration.predictionLoss, terms: terms,
            projectors: terms.map { term in
                term.weight.weight > 0 ? configuration.projector(of: term)?.owner.declaration.projectorName : nil
            })
        totalSteps = configuration.training.steps ?? 0
        seed = UInt64(truncatingIfNeeded: configuration.seed)
        let numbers = terms.reduce(0) { $0 + 1 + $1.declaration.parts.count }
        guard numbers <= MeasuredValues.capacity else {
            throw TrainingError(
                description: "the terms of the objective have \(numbers) numbers, but there is room for "
                    + "\(MeasuredValues.capacity); use fewer of them at once")
        }
    }

    /// Whether some term has a gradient.
    package var isRegularized: Bool { terms.contains(where: \.isActive) }

    /// The weight of a term at a step, from 0; 0 where it has no gradient at all.
    func weight(of term: Int, at step: Int) -> Double {
        terms[term].isActive ? terms[term].weight.value(at: step, of: totalSteps) : 0
    }

    /// The weights of a step, from 0, of terms whose weights have a schedule, by their columns.
    func scheduledWeights(at step: Int) -> [(String, Double)] {
        terms.indices.filter { terms[$0].isActive && terms[$0].weight.form != .constant }
            .map { (terms[$0].declaration.weightColumn, weight(of: $0, at: step)) }
    }

    /// The columns of `StepMetrics.terms`, in their order.
    package var columns: [String] {
        terms.flatMap { term in
            [term.declaration.lossColumn] + term.declaration.parts.map { term.declaration.column(of: $0) }
        }
    }
}

/// The numbers that the schedules give for one step.
package struct StepHyperparameters: Sendable, Hashable {
    package var learningRate: Double
    package var weightDecay: Double
    /// Share of the old target encoder that is kept, where it has parameters of its own; nil: they stay.
    package var momentum: Double?
    /// The number that is recorded as momentum.
    package var recordedMomentum: Double
    package var beta1 = 0.9
    package var beta2 = 0.999
    package var epsilon = 1e-8
    package var clipNorm: Double?

    /// - Parameter recordedMomentum: None: what is kept.
    package init(learningRate: Double, weightDecay: Double, momentum: Double?, recordedMomentum: Double? = nil) {
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.momentum = momentum
        self.recordedMomentum = recordedMomentum ?? momentum ?? 1
    }
}

/// What a step measured.
package struct StepMetrics: Sendable, Hashable {
    package var loss = 0.0
    package var predictionLoss = 0.0
    /// For each term its loss, before its weight, and its parts; `StepObjective.columns` names them.
    package var terms = MeasuredValues()
    package var gradientNorm = 0.0
    package var encoderGradientNorm = 0.0
    package var predictorGradientNorm = 0.0

    package init() {}
}
