package import Declarations

/// The target encoder is the exponential moving average of the context encoder.
package struct MovingAverageTarget: ScheduledTargetRule {
    package static let name = "ema"
    package static let summary = "moving average of the context encoder"

    package let schedule: ScheduledMomentum
    package let hasOwnParameters = true

    package init(_ settings: Settings) { schedule = ScheduledMomentum(settings) }

    package func momentum(at step: Int, of totalSteps: Int) -> Double? { schedule.value(at: step, of: totalSteps) }
}
