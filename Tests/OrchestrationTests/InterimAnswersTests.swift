import Foundation
import Testing

@testable import Orchestration

@Suite struct InterimAnswersTests {
    private let start = Date(timeIntervalSince1970: 0)

    /// Runs that have results at each time when an answer is shown, of runs that end one after another.
    private func shown(
        secondsOfARun: Double, runs: Int, alreadyDone: Int = 0, result: JobOutcome.Result = .done
    ) -> [Int?] {
        var answers = InterimAnswers(runCount: runs, alreadyDone: alreadyDone, startedAt: start)
        return (1...runs).map { number in
            let time = start.addingTimeInterval(Double(number) * secondsOfARun)
            // Not at once: the scheduler first gives the core that is free to another run.
            #expect(
                answers.runsToShow(after: .finished(JobOutcome(name: "run-s\(number)", result: result)), at: time)
                    == nil)
            return answers.runsToShow(after: .tick, at: time)
        }
    }

    @Test func `the first answer comes after a minute, the next when the time has doubled`() {
        #expect(shown(secondsOfARun: 30, runs: 10) == [nil, 2, nil, 4, nil, nil, nil, 8, nil, nil])
        #expect(shown(secondsOfARun: 50, runs: 6) == [nil, 2, 3, nil, 5, nil])
    }

    @Test func `one run is no comparison, and the last run's answer is the end's`() {
        #expect(shown(secondsOfARun: 600, runs: 3) == [nil, 2, nil])
        #expect(shown(secondsOfARun: 600, runs: 2, alreadyDone: 4) == [5, nil])
    }

    @Test func `a run without results brings no answer`() {
        #expect(shown(secondsOfARun: 600, runs: 4, result: .failed) == [nil, nil, nil, nil])
        for result in [JobOutcome.Result.interrupted, .failed] {
            #expect(shown(secondsOfARun: 600, runs: 4, alreadyDone: 4, result: result) == [nil, nil, nil, nil])
        }
        #expect(shown(secondsOfARun: 600, runs: 4, result: .collapsed) == [nil, 2, nil, nil])
    }

    @Test func `floors are no run, and a quick matrix shows its end alone`() {
        var answers = InterimAnswers(runCount: 4, alreadyDone: 3, startedAt: start)
        let floors = SchedulerEvent.finished(JobOutcome(name: ProgressModel.floorsName, result: .done))
        let later = start.addingTimeInterval(600)
        #expect(answers.runsToShow(after: floors, at: later) == nil)
        #expect(answers.runsToShow(after: .tick, at: later) == nil)
        #expect(shown(secondsOfARun: 5, runs: 10) == Array(repeating: nil, count: 10))
    }

    @Test func `an answer that was not due is shown once it is, and none after an interrupt`() {
        var answers = InterimAnswers(runCount: 4, alreadyDone: 0, startedAt: start)
        for name in ["a", "b"] {
            _ = answers.runsToShow(after: .finished(JobOutcome(name: name, result: .done)), at: start)
        }
        #expect(answers.runsToShow(after: .tick, at: start.addingTimeInterval(59)) == nil)
        var stopped = answers
        #expect(answers.runsToShow(after: .tick, at: start.addingTimeInterval(60)) == 2)
        #expect(answers.runsToShow(after: .tick, at: start.addingTimeInterval(900)) == nil)
        _ = stopped.runsToShow(after: .interrupting(level: 1), at: start.addingTimeInterval(60))
        #expect(stopped.runsToShow(after: .tick, at: start.addingTimeInterval(60)) == nil)
    }
}
