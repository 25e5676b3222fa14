package import Declarations

/// The context encoder is the target encoder; gradients go through the targets too.
package struct SharedTargetWithGradient: ScheduledTargetRule {
    package static let name = "shared_with_gradient"
    package static let summary = "the same, targets with gradient"

    package let schedule: ScheduledMomentum
    package let hasOwnParameters = false
    package let hasGradient = true

    package init(_ settings: Settings) { schedule = ScheduledMomentum(settings) }

    package func momentum(at step: Int, of totalSteps: Int) -> Double? { nil }
}
