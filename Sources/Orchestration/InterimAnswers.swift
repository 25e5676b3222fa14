package import Foundation

/// When a matrix that is still training shows what it has found so far.
///
/// For the first time when runs have ended and a minute has passed, then when the time since the start has doubled: an hour's
/// matrix shows six such answers at most, a day's eleven.
package struct InterimAnswers {
    private let start: Date
    private let runCount: Int
    private var ended = 0
    private var done = 0
    private var isNew = false
    private var due: Double

    /// - Parameters:
    ///   - runCount: Runs that will start.
    ///   - alreadyDone: Runs that have results from before.
    ///   - firstAfter: Seconds before which nothing is shown.
    package init(runCount: Int, alreadyDone: Int, startedAt start: Date, firstAfter: Double = 60) {
        self.start = start
        self.runCount = runCount
        done = alreadyDone
        due = firstAfter
    }

    /// Takes note of an event. An answer takes a moment to compute, so it is due at a tick, when the core that a run has left
    /// is at work again.
    ///
    /// - Returns: How many runs have results, if they are to be shown now; nil otherwise. There are two at least, and others
    ///   that are still to come.
    package mutating func runsToShow(after event: SchedulerEvent, at time: Date) -> Int? {
        switch event {
        case .finished(let outcome) where outcome.name != ProgressModel.floorsName:
            ended += 1
            if [.done, .collapsed].contains(outcome.result) {
                done += 1
                isNew = true
            }
            return nil
        case .interrupting:
            // What has been found is shown at the end, which is near.
            due = .infinity
            return nil
        case .tick:
            let elapsed = time.timeIntervalSince(start)
            guard isNew, elapsed >= due, done > 1, ended < runCount else { return nil }
            isNew = false
            while due <= elapsed { due *= 2 }
            return done
        default: return nil
        }
    }
}
