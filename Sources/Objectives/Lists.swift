/// The regularisers that a spec can use, in the order of the documentation.
package enum Regularizers {
    package static let standard: [any Regularizer.Type] = [VICReg.self, BarlowTwins.self, SIGReg.self]
}

/// The prediction losses that a spec can choose, in the order of the documentation.
package enum PredictionLosses {
    package static let standard: [any PredictionLoss.Type] = [SmoothL1.self, SquaredError.self, AbsoluteError.self]
    /// The one that a spec means which chooses none; so below.
    package static let defaultName = SmoothL1.name
}

/// The rules for the target encoder that a spec can choose, in the order of the documentation.
package enum TargetEncoderRules {
    package static let standard: [any TargetEncoderRule.Type] = [
        MovingAverageTarget.self, SharedTarget.self, SharedTargetWithGradient.self, FrozenTarget.self,
    ]
    package static let defaultName = MovingAverageTarget.name
}
