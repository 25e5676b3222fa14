import Testing

@testable import Orchestration

@Suite struct ActivityLineTests {
    private func line(_ style: ActivityLine.Style) -> ActivityLine { ActivityLine(style: style) }

    @Test(arguments: [ActivityLine.Style.plain, .live])
    func whatIsDoneAtOnceIsNotMentioned(style: ActivityLine.Style) {
        var line = line(style)
        line.begin("reading", of: nil, at: 10)
        #expect(line.tick(at: 10.3, columns: 80).isEmpty)
        #expect(line.end().isEmpty)
        #expect(!line.isActive)
        #expect(line.tick(at: 20, columns: 80).isEmpty)
    }

    @Test func whereThereIsNoTerminalEachThingGetsOneLine() {
        var line = line(.plain)
        line.begin("reading 300 runs", of: 300, at: 0)
        #expect(line.tick(at: 0.45, columns: 80) == "reading 300 runs …\n")
        line.advance()
        #expect(line.tick(at: 9, columns: 80).isEmpty)
        line.begin("timing steps", of: nil, at: 9)
        #expect(line.tick(at: 9.1, columns: 80).isEmpty)
        #expect(line.tick(at: 9.5, columns: 80) == "timing steps …\n")
        #expect(line.giveWay().isEmpty)
        #expect(line.end().isEmpty)
    }

    @Test func manyShortThingsAreNoReasonToSayNothing() {
        var line = line(.plain)
        for index in 0..<2 { line.begin("part \(index)", of: nil, at: Double(index) * 0.35) }
        #expect(line.tick(at: 0.65, columns: 80).isEmpty)
        #expect(line.tick(at: 0.72, columns: 80) == "part 1 …\n")
    }

    @Test func onATerminalOneLineIsRedrawnAndTakenAway() {
        var line = line(.live)
        line.begin("reading 3 runs", of: 3, at: 0)
        line.advance()
        #expect(line.tick(at: 0.5, columns: 80) == "\rreading 3 runs: 1 of 3\u{1B}[K")
        // The next one takes its place, without another pause.
        line.begin("timing steps", of: nil, at: 0.6)
        #expect(line.tick(at: 0.7, columns: 8) == "\rtiming…\u{1B}[K")
        // A message goes where it was, and it comes back below.
        #expect(line.giveWay() == "\r\u{1B}[K")
        #expect(line.giveWay().isEmpty)
        #expect(line.tick(at: 0.8, columns: 80) == "\rtiming steps …\u{1B}[K")
        #expect(line.end() == "\r\u{1B}[K")
    }

    @Test func namesOfFilesCannotSteerTheTerminal() {
        for style in [ActivityLine.Style.plain, .live] {
            var line = line(style)
            line.begin("reading \u{1B}[2J", of: nil, at: 0)
            #expect(line.tick(at: 1, columns: 80).contains(#"reading \u001b[2J"#))
        }
    }
}
