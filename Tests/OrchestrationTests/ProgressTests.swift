import Foundation
import Testing

@testable import Orchestration

@Suite struct ProgressTests {
    private let start = Date(timeIntervalSince1970: 0)

    private func at(_ seconds: Double) -> Date { start.addingTimeInterval(seconds) }

    private var halfway: ProgressModel {
        var model = ProgressModel(runCount: 4, startedAt: start)
        model.apply(.started(job: "ijepa.ema-s0", threads: 1, attempt: 1), at: at(0))
        model.apply(.started(job: "cjepa-s0", threads: 1, attempt: 2), at: at(1))
        model.apply(.worker(job: "ijepa.ema-s0", event: .start(totalSteps: 2000, step: 0, parameters: 5)), at: at(2))
        model.apply(
            .worker(
                job: "ijepa.ema-s0",
                event: .step(
                    StepReport(
                        step: 120, totalSteps: 2000, loss: 0.4213,
                        terms: ["prediction_loss": 0.411, "vicreg_variance": 0.52], imagesPerSecond: 310.4,
                        secondsLeft: 782))), at: at(60))
        model.apply(
            .worker(
                job: "ijepa.ema-s0",
                event: .evaluation(step: 100, encoder: "target", metrics: ["knn_20": 0.6123, "knn_10": 0.5])),
            at: at(60))
        model.apply(
            .worker(job: "ijepa.ema-s0", event: .evaluation(step: 100, encoder: "context", metrics: ["knn_20": 0.1])),
            at: at(60))
        return model
    }

    @Test func oneLineForEachActiveRunAndOneForAll() {
        #expect(
            halfway.lines(at: at(60)) == [
                "ijepa.ema-s0  step  120/2000 | left 13m 02s | loss 0.421 | 20-NN 61.2 % | 310 img/s | pred 0.411 var 0.520",
                "cjepa-s0      starting, 59s | attempt 2",
                "0/4 runs | elapsed 1m 00s | left 27m 05s",
            ])
    }

    @Test func aPhaseTakesThePlaceOfTheSpeedUntilTheNextStep() {
        var model = halfway
        model.apply(.worker(job: "ijepa.ema-s0", event: .phase(name: "evaluating")), at: at(61))
        let line = model.line(of: "ijepa.ema-s0", at: at(61))
        #expect(line?.contains("| evaluating") == true)
        #expect(line?.contains("img/s") == false)
    }

    @Test func endedRunsLeaveTheLinesAndAreCounted() {
        var model = halfway
        model.apply(
            .finished(JobOutcome(name: "cjepa-s0", result: .failed, message: "exit code 1", seconds: 3)), at: at(70))
        model.apply(.finished(JobOutcome(name: "ijepa.ema-s0", result: .done, seconds: 70)), at: at(70))
        #expect(model.activeNames.isEmpty)
        #expect(model.lines(at: at(70)) == ["2/4 runs, 1 failed | elapsed 1m 10s"])
        // Floors are no run.
        model.apply(.finished(JobOutcome(name: "floors", result: .failed, message: "", seconds: 3)), at: at(70))
        #expect(model.overallLine(at: at(70)).hasPrefix("2/4 runs, 1 failed | "))
    }

    @Test func timeLeftComesFromWhatRunsHaveTaken() {
        var model = ProgressModel(runCount: 5, startedAt: start)
        model.apply(.finished(JobOutcome(name: "a-s0", result: .done, seconds: 100)), at: at(100))
        model.apply(.started(job: "b-s0", threads: 1, attempt: 1), at: at(100))
        model.apply(.started(job: "c-s0", threads: 1, attempt: 1), at: at(100))
        // Two active that have 90 s each to go, two waiting of 100 s, two at once.
        #expect(abs((model.secondsLeft(at: at(110)) ?? .nan) - 190) <= 1e-9)
    }

    @Test func aResumedRunIsPredictedFromItsOwnSteps() {
        var model = ProgressModel(runCount: 1, startedAt: start)
        model.apply(.started(job: "a-s0", threads: 1, attempt: 1), at: at(0))
        model.apply(.worker(job: "a-s0", event: .start(totalSteps: 100, step: 60, parameters: nil)), at: at(0))
        model.apply(.worker(job: "a-s0", event: .step(StepReport(step: 80, totalSteps: 100, loss: 1))), at: at(10))
        #expect(model.line(of: "a-s0", at: at(10)) == "a-s0  step  80/100 | left 10s | loss 1")
    }

    @Test func anInterruptIsSaidInTheOverallLine() {
        var model = halfway
        model.apply(.interrupting(level: 1), at: at(61))
        #expect(
            model.overallLine(at: at(61))
                == "0/4 runs | elapsed 1m 01s | saving checkpoints (Ctrl-C again kills the workers)")
    }

    // MARK: Terminal

    private let up = "\r\u{1B}[2A"
    private let clear = "\u{1B}[K\n"

    @Test func aFrameOverwritesTheLastOneLineByLine() {
        var display = LiveDisplay()
        #expect(display.frame(["one", "two"], columns: 80, rows: 24) == "\rone\(clear)two\(clear)")
        #expect(display.frame(["1", "2"], columns: 80, rows: 24) == "\(up)1\(clear)2\(clear)")
        // Fewer lines: the rest of the screen below is cleared.
        #expect(display.frame(["x"], columns: 80, rows: 24) == "\(up)x\(clear)\u{1B}[J")
        #expect(display.end() == "\r\u{1B}[1A\u{1B}[J")
        #expect(display.end() == "")
    }

    @Test func aMessageStaysAboveTheNextFrame() {
        var display = LiveDisplay()
        _ = display.frame(["one", "two"], columns: 80, rows: 24)
        #expect(display.message("failed") == "\(up)\u{1B}[Jfailed\n")
        #expect(display.frame(["one"], columns: 80, rows: 24) == "\rone\(clear)")
    }

    @Test func linesAreCutToTheWidthAndToTheHeight() {
        var display = LiveDisplay()
        #expect(display.frame(["abcdefgh", "äöüäöü"], columns: 6, rows: 24) == "\rabcd…\(clear)äöüä…\(clear)")
        let many = (1...9).map { "run \($0)" } + ["all"]
        var small = LiveDisplay()
        #expect(
            small.frame(many, columns: 80, rows: 5)
                == "\rrun 1\(clear)run 2\(clear)… and 7 more\(clear)all\(clear)")
        var tiny = LiveDisplay()
        #expect(tiny.frame(many, columns: 80, rows: 2) == "\rall\(clear)")
    }

    // MARK: Reporter

    private final class Sink {
        var text = ""
        var seconds = 0.0
    }

    private func reporter(_ style: ProgressReporter.Style, _ sink: Sink, runs: Int = 2) -> ProgressReporter {
        ProgressReporter(
            runCount: runs, style: style, now: { [start] in start.addingTimeInterval(sink.seconds) },
            size: { (60, 10) }, write: { sink.text += $0 })
    }

    @Test func plainLinesComeAtEventsAndEveryTenSeconds() {
        let sink = Sink()
        let reporter = reporter(.plain, sink)
        reporter.handle(.started(job: "a-s0", threads: 2, attempt: 1))
        for step in 1...25 {
            sink.seconds = Double(step)
            reporter.handle(.worker(job: "a-s0", event: .step(StepReport(step: step, totalSteps: 50, loss: 0.5))))
            reporter.handle(.tick)
        }
        reporter.handle(
            .worker(
                job: "a-s0",
                event: .evaluation(
                    step: 25, encoder: "target", metrics: ["knn_20": 0.5, "std_mean": 1, "linear": .nan])))
        reporter.handle(.retrying(job: "a-s0", afterSeconds: 5, reason: "exit code 1"))
        sink.seconds = 40
        reporter.handle(.finished(JobOutcome(name: "a-s0", result: .failed, message: "exit code 1", seconds: 40)))
        reporter.end()
        #expect(
            sink.text == """
                a-s0: started with 2 threads
                a-s0  step 10/50 | left 40s | loss 0.500
                a-s0  step 20/50 | left 30s | loss 0.500
                a-s0: step 25, target encoder: 20-NN 50.0 %
                a-s0: failed (exit code 1); retrying in 5s
                a-s0: failed in 40s: exit code 1  [1/2 runs, 1 failed | elapsed 40s]

                """)
    }

    @Test func framesComeNoFasterThanTheyCanBeReadAndMessagesStay() {
        let sink = Sink()
        let reporter = reporter(.live, sink, runs: 1)
        reporter.handle(.started(job: "a-s0", threads: 1, attempt: 1))
        let first = sink.text
        #expect(first == "\ra-s0  starting, 0s\(clear)0/1 run | elapsed 0s\(clear)")
        sink.seconds = 0.1
        reporter.handle(.tick)
        #expect(sink.text == first)
        sink.seconds = 1
        reporter.handle(.tick)
        #expect(sink.text == first + "\(up)a-s0  starting, 1s\(clear)0/1 run | elapsed 1s\(clear)")
        sink.text = ""
        sink.seconds = 1.1
        reporter.handle(.finished(JobOutcome(name: "a-s0", result: .done, seconds: 1.1)))
        reporter.end()
        #expect(
            sink.text == "\(up)\u{1B}[Ja-s0: done in 1s\n\r1/1 run | elapsed 1s\(clear)\r\u{1B}[1A\u{1B}[J")
    }
}
