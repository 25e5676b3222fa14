import ExperimentSpec
import Foundation
import Testing

@testable import Orchestration

@Suite struct VisibleTextTests {
    @Test(arguments: [
        ("plain text, äöü … 日本 👩‍🔬\n\tindented\r\n", "plain text, äöü … 日本 👩‍🔬\n\tindented\r\n"),
        ("\u{1B}[2Jgone\u{1B}]0;title\u{07}", #"\u001b[2Jgone\u001b]0;title\u0007"#),
        ("100 %\rdone", #"100 %\u000ddone"#),
        ("\u{08}\u{7F}\u{9B}31m\0", #"\u0008\u007f\u009b31m\u0000"#),
        ("a\u{202E}b\u{2066}c", #"a\u202eb\u2066c"#),
    ])
    func whatSteersATerminalIsMadeVisibleAndNothingElseChanges(text: String, visible: String) {
        #expect(text.withVisibleControls == visible)
    }

    @Test func jsonStaysTheSameJSON() throws {
        let value = ["name": "\u{1B}[31m\u{9B}\u{7F}\u{202E}\n\t\u{85}ö"]
        let text = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        let visible = text.withVisibleControls
        #expect(visible.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(try JSONDecoder().decode([String: String].self, from: Data(visible.utf8)) == value)
    }

    @Test func linesOfADisplayCannotMoveItsCursor() {
        var display = LiveDisplay()
        let frame = display.frame(["a\u{1B}[2J"], columns: 80, rows: 24)
        #expect(frame == "\r" + #"a\u001b[2J"# + "\u{1B}[K\n")
        #expect(display.message("b\u{1B}c") == "\r\u{1B}[1A\u{1B}[J" + #"b\u001bc"# + "\n")
    }

    @Test func whatWorkersSayIsShownVisiblyWithoutATerminalToo() {
        var written = ""
        let reporter = ProgressReporter(
            runCount: 1, style: .plain, now: { Date(timeIntervalSinceReferenceDate: 0) }, size: { (80, 24) },
            write: { written += $0 })
        reporter.handle(.worker(job: "a-s0", event: .warning("\u{1B}]0;x\u{07}")))
        #expect(written == #"a-s0: warning: \u001b]0;x\u0007"# + "\n")
    }
}
