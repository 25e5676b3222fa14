package import Declarations

/// The context encoder is the target encoder; targets have no gradient.
package struct SharedTarget: ScheduledTargetRule {
    package static let name = "shared_stop_gradient"
    package static let summary = "the context encoder itself, targets without gradient"

    package let schedule: ScheduledMomentum
    package let hasOwnParameters = false

    package init(_ settings: Settings) { schedule = ScheduledMomentum(settings) }

    package func momentum(at step: Int, of totalSteps: Int) -> Double? { nil }
}
