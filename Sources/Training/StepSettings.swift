package import ExperimentSpec
package import Kernels
package import Objectives

/// How the target encoder gets its parameters and whether gradients reach it.
package enum TargetRule: Sendable, Hashable {
    /// Exponential moving average of the context encoder.
    case movingAverage
    /// The context encoder's own parameters, targets without gradient.
    case sharedStopGradient
    /// The context encoder's own parameters, gradients through the targets too.
    case sharedWithGradient
    /// As initialised, for ever.
    case frozen

    package init(_ kind: TargetEncoderConfiguration.Kind) {
        switch kind {
        case .ema: self = .movingAverage
        case .sharedStopGradient: self = .sharedStopGradient
        case .sharedWithGradient: self = .sharedWithGradient
        case .frozen: self = .frozen
        }
    }

    package var targetIsSeparate: Bool { self == .movingAverage || self == .frozen }
}

/// The objective of a step.
package struct StepObjective: Sendable {
    package var prediction: ElementwiseLoss
    /// β_vicreg; 0: the terms are measured and have no gradient.
    package var regularizerWeight: Double
    package var vicreg: VICReg
    package var pairs: VICRegConfiguration.Pairs

    package init(
        prediction: ElementwiseLoss, regularizerWeight: Double, vicreg: VICReg, pairs: VICRegConfiguration.Pairs
    ) {
        self.prediction = prediction
        self.regularizerWeight = regularizerWeight
        self.vicreg = vicreg
        self.pairs = pairs
    }

    package init(_ configuration: ObjectiveConfiguration) {
        switch configuration.prediction {
        case .smoothL1: prediction = .smoothL1
        case .l2: prediction = .l2
        case .l1: prediction = .l1
        }
        let terms = configuration.vicreg
        vicreg = VICReg(invariance: terms.invariance, variance: terms.variance, covariance: terms.covariance)
        // Without any term there is no regulariser, and none that could be inert.
        let hasTerms = terms.invariance != 0 || terms.variance != 0 || terms.covariance != 0
        regularizerWeight = hasTerms ? terms.weight : 0
        pairs = terms.pairs
    }
}

/// The numbers that the schedules give for one step.
package struct StepHyperparameters: Sendable, Hashable {
    package var learningRate: Double
    package var weightDecay: Double
    /// Momentum of the target encoder.
    package var momentum: Double
    package var beta1 = 0.9
    package var beta2 = 0.999
    package var epsilon = 1e-8
    package var clipNorm: Double?

    package init(learningRate: Double, weightDecay: Double, momentum: Double) {
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.momentum = momentum
    }
}

/// What a step measured.
package struct StepMetrics: Sendable, Hashable {
    package var loss = 0.0
    package var predictionLoss = 0.0
    /// Weighted sum of the terms below, without β_vicreg.
    package var vicregLoss = 0.0
    package var terms = VICReg.Terms()
    package var gradientNorm = 0.0
    package var encoderGradientNorm = 0.0
    package var predictorGradientNorm = 0.0

    package init() {}
}
