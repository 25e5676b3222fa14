package import Declarations

/// The target encoder stays as it is initialised.
package struct FrozenTarget: ScheduledTargetRule {
    package static let name = "frozen"
    package static let summary = "as initialised, for ever"

    package let schedule: ScheduledMomentum
    package let hasOwnParameters = true

    package init(_ settings: Settings) { schedule = ScheduledMomentum(settings) }

    package func momentum(at step: Int, of totalSteps: Int) -> Double? { nil }
}
