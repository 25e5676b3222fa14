package import Foundation

/// Dates that never jump: the time of day when the program began, plus what a clock that only runs forward counted since.
///
/// For pauses, intervals and displays. What is stored as a time of day comes from the system's own clock.
package enum SteadyClock {
    private static let origin = (day: Date(), clock: ContinuousClock.now)

    package static var now: Date {
        let origin = origin
        return origin.day.addingTimeInterval((ContinuousClock.now - origin.clock) / .seconds(1))
    }
}
