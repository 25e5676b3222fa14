import Foundation
import Testing

@testable import Analysis

/// The formats against files in Tests/Golden/tables; `RECORD_SNAPSHOTS=1` rewrites them, and still fails.
@Suite struct TableTextTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/tables")

    @Test(arguments: TableFormat.allCases)
    func `Every format looks as recorded`(format: TableFormat) throws {
        let text = try ExperimentFixture.mixed().text(as: format)
        let file = Self.folder.appending(path: "mixed.\(format.rawValue)")
        if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] != nil {
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("recorded \(file.lastPathComponent); run again without RECORD_SNAPSHOTS")
        }
        #expect(text == (try String(contentsOf: file, encoding: .utf8)))
    }

    @Test func `All lines of a Markdown table are equally long`() throws {
        let lines = try ExperimentFixture.mixed().markdown().split(separator: "\n").filter { $0.hasPrefix("|") }
        // Seven lines of values and rule, then four of differences.
        #expect(lines.count == 11)
        #expect(Set(lines.prefix(7).map(\.count)).count == 1)
        #expect(Set(lines.suffix(4).map(\.count)).count == 1)
    }

    @Test func `A single seed shows a dash for its spread`() throws {
        let table = try ExperimentFixture.table([ExperimentFixture.run("ijepa", seed: 0, knn: 0.686)])
        #expect(table.markdown().contains("| 68.6 ± – |"))
    }

    @Test func `A cell says its n where it is not that of the row`() throws {
        let table = try ExperimentFixture.table([
            ExperimentFixture.run("ijepa", seed: 0, knn: 0.6), ExperimentFixture.run("ijepa", seed: 1, knn: .nan),
        ])
        #expect(table.markdown().contains("60.0 ± – (n=1)"))
    }

    @Test func `Bars in arm names do not break the Markdown table`() throws {
        let table = try ExperimentFixture.table([ExperimentFixture.run("a|b", seed: 0, knn: 0.6)], baseline: "a|b")
        #expect(table.markdown().contains("a\\|b (baseline)"))
    }

    @Test(arguments: [
        ("50 % of $x_1 & {y}", "50 \\% of \\$x\\_1 \\& \\{y\\}"), ("a\\b", "a\\textbackslash{}b"),
        ("#~^", "\\#\\textasciitilde{}\\textasciicircum{}"), ("0.996→1", "0.996$\\to$1"), ("–", "--"),
    ])
    func `LaTeX sees no command in a name`(text: String, escaped: String) {
        #expect(text.escapedForLaTeX == escaped)
    }

    @Test(arguments: [
        ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("two\nlines", "\"two\nlines\""),
        ("", ""),
    ])
    func `CSV quotes what would break a line`(text: String, quoted: String) {
        #expect(text.quotedForCSV == quoted)
    }

    @Test func `JSON keys are snake case and hold every seed`() throws {
        let json = try ExperimentFixture.mixed().json()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["format_version"] as? Int == 1)
        let rows = try #require(object["rows"] as? [[String: Any]])
        let cells = try #require(rows[1]["cells"] as? [[String: Any]])
        let values = try #require(cells[1]["values"] as? [[String: Any]])
        #expect(values.map { $0["seed"] as? Int } == [0, 1])
        #expect(values.map { $0["value"] as? Double } == [0.69, 0.72])
        let statistics = try #require(cells[1]["statistics"] as? [String: Any])
        #expect(statistics["standard_deviation"] != nil && statistics["confidence_half_width"] != nil)
        #expect(rows.map { $0["kind"] as? String }.suffix(2) == ["initialisation", "raw_pixels"])
        #expect(!json.contains(/"[a-z]+[A-Z]\w*" :/))
    }
}
