import Foundation
import RunStore
import Testing

@testable import Orchestration

@Suite struct WorkerEventTests {
    @Test(arguments: [
        WorkerEvent.start(totalSteps: 2000, step: 120, parameters: 5_500_000),
        .step(
            StepReport(
                step: 121, totalSteps: 2000, epoch: 3, loss: 0.25,
                terms: ["prediction_loss": 0.25, "vicreg_loss": 0.5],
                imagesPerSecond: 310, secondsLeft: 12.5)),
        .step(StepReport(step: 1, totalSteps: 2, loss: 1)),
        .phase(name: "evaluating"),
        .evaluation(step: 500, encoder: "target", metrics: ["knn_20": 0.625, "rankme": 23.5]),
        .checkpoint(step: 500),
        .end(status: .failed, message: "non-finite loss at step 12"),
        .end(status: .done, message: nil),
    ])
    func anEventSurvivesItsLine(_ event: WorkerEvent) throws {
        let line = try event.line()
        #expect(!line.contains("\n"))
        #expect(WorkerEvent(line: line) == event)
    }

    @Test func keysAreTheDocumentedOnes() throws {
        let line = try WorkerEvent.step(
            StepReport(step: 2, totalSteps: 4, loss: 0.5, imagesPerSecond: 10, secondsLeft: 1)
        ).line()
        #expect(
            line
                == #"{"event":"step","images_per_second":10,"loss":0.5,"seconds_left":1,"step":2,"terms":{},"total_steps":4}"#
        )
    }

    @Test func numbersThatAreNotFiniteSurvive() throws {
        let event = WorkerEvent.step(StepReport(step: 1, totalSteps: 2, loss: .nan, terms: ["vicreg_loss": .infinity]))
        guard case .step(let report)? = WorkerEvent(line: try event.line()) else {
            Issue.record("no step event came back")
            return
        }
        #expect(report.loss.isNaN)
        #expect(report.terms == ["vicreg_loss": .infinity])
    }

    @Test(arguments: [
        "", "hello", "{", "{}", #"{"event":"dance"}"#, #"{"event":"step"}"#, #"{"event":"step","step":"one"}"#, "[1,2]",
        "\u{FFFD}{\"event\"", #"{"event":"end","status":"asleep"}"#,
    ])
    func whatIsNoEventIsNone(_ line: String) {
        #expect(WorkerEvent(line: line) == nil)
    }

    @Test func linesAreCutWhereverTheBytesBreak() {
        let text = Array("one\ntwo\r\n\n\u{e4}rger\nrest".utf8)
        for size in 1...text.count {
            var splitter = LineSplitter()
            var lines: [String] = []
            var start = 0
            while start < text.count {
                lines += splitter.append(text[start..<min(start + size, text.count)])
                start += size
            }
            #expect(lines + splitter.finish() == ["one", "two", "\u{e4}rger", "rest"])
        }
    }

    @Test func anEndlessLineDoesNotGrowWithoutBound() {
        var splitter = LineSplitter(longestLine: 4)
        #expect(splitter.append(Array("abcdefghij\n".utf8)) == ["abcd", "efgh", "ij"])
    }
}
