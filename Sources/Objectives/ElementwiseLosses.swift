package import Declarations
package import Kernels

/// ½x² where |x| < 1, |x| − ½ elsewhere, x the difference (beta 1): the public I-JEPA code's loss.
package struct SmoothL1: KernelPredictionLoss {
    package static let name = "smooth_l1"
    package static let title = "smooth L1 with beta 1"
    package static let summary = "half the square of differences below 1, linear above"
    package static let kernel = ElementwiseLoss.smoothL1

    package init() {}
    package init(_ settings: Settings) {}

    package func value(of difference: Double) -> Double {
        let distance = abs(difference)
        return distance < 1 ? 0.5 * distance * distance : distance - 0.5
    }
}

/// x², x the difference: the papers' loss.
package struct SquaredError: KernelPredictionLoss {
    package static let name = "l2"
    package static let title = "L2"
    package static let summary = "the square of differences"
    package static let kernel = ElementwiseLoss.l2

    package init() {}
    package init(_ settings: Settings) {}

    package func value(of difference: Double) -> Double { difference * difference }
}

/// |x|, x the difference.
package struct AbsoluteError: KernelPredictionLoss {
    package static let name = "l1"
    package static let title = "L1"
    package static let summary = "their magnitude"
    package static let kernel = ElementwiseLoss.l1

    package init() {}
    package init(_ settings: Settings) {}

    package func value(of difference: Double) -> Double { abs(difference) }
}
