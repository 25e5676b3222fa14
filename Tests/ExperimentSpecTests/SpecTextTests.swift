import ExperimentSpec
import Testing

/// Characters that are not seen, and texts that are no YAML.
@Suite struct SpecTextTests {
    @Test(arguments: ["\u{FEFF}", "# first\r\n"]) func `byte order marks and carriage returns change nothing`(
        start: String
    ) throws {
        let text =
            start + (start == "\u{FEFF}" ? smallSpec : smallSpec.split(separator: "\n").joined(separator: "\r\n"))
        #expect(try load("", base: text).runs.count == 1)
    }

    @Test func `tabs are taken where YAML takes them`() throws {
        #expect(try load("schedule: {lr:\t2}\t# two\n").runs[0].configuration.schedule.learningRate == 2)
        let found = try errors("schedule:\n\tlr: 2\n")
        #expect(found.map(\.message) == ["not valid YAML: a tab in front of a key"])
        #expect(found[0].line == 6 && found[0].remedy == "indent with spaces, never with tabs")
    }

    @Test(arguments: [
        ("schedule:\n  lr:\u{A0}1e-3\n", 6, "column 6 has a non-breaking space (U+00A0): write a plain space"),
        ("schedule:\n\u{A0}\u{A0}lr: 1e-3\n", 6, "column 1 has a non-breaking space"),
        ("schedule: {lr: 1e-3\u{A0}}\n", 5, "column 20 has a non-breaking space"),
        ("schedule: {lr: 1e\u{2212}3} # 4\n", 5, "(U+2212): write -"),
        ("masks: {sampler: \u{201C}ijepa\u{201D}}\n", 5, "column 18 has a curly quote (U+201C): write \""),
        ("model.depth: 3\u{200B}\n", 5, "a zero-width space (U+200B): remove it"),
    ])
    func `a character that looks like another is named`(text: String, line: Int, note: String) throws {
        let found = try errors(text, base: smallSpec.replacing("masks: {min_keep: 4}", with: "masks.min_keep: 4"))
        #expect(found.count == 1 && found[0].line == line, "\(found)")
        #expect(found[0].remedy?.contains(note) == true, "\(found)")
    }

    @Test func `such characters are no fault in texts and comments`() throws {
        #expect(try load("question: a\u{A0}b \u{2212} c\n").question == "a\u{A0}b \u{2212} c")
        let found = try errors("model.dpeth: 3 # 4 \u{2212} 1\n")
        #expect(found.count == 1 && found[0].remedy?.contains("U+") == false)
    }

    @Test(arguments: [
        ("question: x: y", 1, "a second ': ' in one value"), ("model:\n  width: 3\n   depth: 3", 3, "indented deeper"),
        ("model:\n  width: 3\n depth: 3", 3, "fits neither the group that starts on line 1"),
        ("model: {width: 3\nseeds: 2", 2, "the '{' that opens on line 1 is not closed"),
        ("seeds: [1, 2\nname: x", 2, "the '[' that opens on line 1 is not closed"),
        ("question: \"x\n", 2, "the quote that opens on line 1 is not closed"),
        ("question: @x", 1, "'@' cannot begin a value"), ("question: *x", 1, "an alias (*name) without an anchor"),
        ("name: x\n---\nname: y", 2, "a second document begins here"), ("name: x\nmodel", 3, "a key without ': '"),
    ])
    func `what breaks YAML's grammar is told in plain words`(text: String, line: Int, message: String) throws {
        let found = try errors("", base: text)
        #expect(found.count == 1 && found[0].line == line, "\(found)")
        #expect(found[0].message.hasPrefix("not valid YAML: ") && found[0].message.contains(message), "\(found)")
        #expect(found[0].remedy?.isEmpty == false)
    }
}
