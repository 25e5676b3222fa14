import Foundation
import Statistics
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

    @Test(arguments: [
        ([], ""), ([3], "3"), ([1, 2], "1,2"), ([1, 2, 3], "1–3"), ([1, 3, 4, 5, 6, 9, 10], "1,3–6,9,10"),
    ])
    func `References to many notes take little room`(notes: [Int], text: String) {
        #expect(references(to: notes, dash: "–") == text)
    }

    @Test func `All lines of a Markdown table are equally long`() throws {
        let lines = try ExperimentFixture.mixed().markdown(sections: []).split(separator: "\n")
            .filter { $0.hasPrefix("|") }
        // Seven lines of values and rule, then four of differences.
        #expect(lines.count == 11)
        #expect(Set(lines.prefix(7).map(\.count)).count == 1)
        #expect(Set(lines.suffix(4).map(\.count)).count == 1)
    }

    @Test func `Two seeds have no p-value and the table says why`() throws {
        let text = try ExperimentFixture.mixed().markdown()
        #expect(text.contains("knn_20: significance of the differences from ijepa, in points:"))
        #expect(text.contains("n < 3"))
        #expect(text.contains("2 pairs are too few for a test, which needs 3 seeds that both arms have."))
        #expect(!text.contains("published"))
    }

    @Test func `Three seeds have p-values, adjusted over the arms`() throws {
        let runs = (0..<3).flatMap { seed in
            [
                ExperimentFixture.run("ijepa", seed: seed, knn: 0.60),
                ExperimentFixture.run("one", seed: seed, knn: 0.61 + 0.001 * Double(seed)),
                ExperimentFixture.run("two", seed: seed, knn: 0.605 + 0.01 * Double(seed)),
            ]
        }
        let table = try ExperimentFixture.table(runs)
        let inferences = table.arms.map { $0.cells[0].inference }
        #expect(inferences[0] == nil)
        let one = try #require(inferences[1]), two = try #require(inferences[2])
        // d = 1.0, 1.1, 1.2 points: t = 1.1 / (0.1 / √3) = 19.05 with two degrees of freedom.
        #expect(abs((one.paired.studentP ?? .nan) - 0.002744) <= 1e-5)
        #expect(one.studentPHolm == 2 * one.paired.studentP!)
        #expect(two.studentPHolm == two.paired.studentP)
        #expect(one.paired.signFlipP == 0.25)
        #expect(table.markdown().contains("+1.10 |") && table.markdown().contains("[0.85, 1.35] |"))
        #expect(table.markdown().contains("cannot go below 0.25"))
        #expect(table.csv().split(separator: "\n")[2].contains(",0.25,"))
    }

    @Test func `The papers' figures stand apart, with their source and caveat`() throws {
        #expect(PublishedFigure.all.count == 11)
        let text = try ExperimentFixture.mixed().markdown(sections: [.published])
        #expect(text.contains("Published figures, not measured here:"))
        #expect(text.contains("arXiv 2410.19560") && text.contains("secondary sources"))
        #expect(text.contains("72.9 |") && text.contains("+0.8"))
    }

    @Test func `A single seed shows a dash for its spread`() throws {
        let table = try ExperimentFixture.table([ExperimentFixture.run("ijepa", seed: 0, knn: 0.686)])
        #expect(table.markdown().contains(" 68.6 ± – |"))
    }

    @Test func `A cell says its n where it is not that of the row`() throws {
        let table = try ExperimentFixture.table([
            ExperimentFixture.run("ijepa", seed: 0, knn: 0.6), ExperimentFixture.run("ijepa", seed: 1, knn: .nan),
        ])
        #expect(table.markdown().contains("60.0 ± – (n=1)"))
    }

    @Test func `Headings name the unit of accuracies, and the legend what they are of`() throws {
        let runs = (0..<3).flatMap { seed in
            [
                ExperimentFixture.run("ijepa", seed: seed, knn: 0.60),
                ExperimentFixture.run("cjepa", seed: seed, knn: 0.61 + 0.01 * Double(seed)),
            ]
        }
        let text = try ExperimentFixture.table(runs, metrics: ["knn_20", "knn_20@gain", "rankme"]).markdown()
        let headings = text.split(separator: "\n").filter { $0.hasPrefix("| arm ") }
        #expect(headings[0].contains(" knn_20 (%) |") && headings[0].contains(" knn_20@gain (points) |"))
        #expect(headings[0].contains(" rankme |"))
        #expect(headings[1].contains(" knn_20 (points) |") && headings[1].contains(" knn_20@gain (points) |"))
        #expect(text.contains("- knn_20: accuracy of a 20-NN classifier on the features, in %.\n"))
        // 1, 2 and 3 points: the interval is ± 2.5.
        #expect(
            text.contains("**+12.0 ± 1.0** |") && text.contains(" +2.0 ± 1.0 |") && text.contains(" [−0.5, 4.5] |"),
            "\(text)")
    }

    @Test func `Bars in arm names do not break the Markdown table`() throws {
        let table = try ExperimentFixture.table([ExperimentFixture.run("a|b", seed: 0, knn: 0.6)], baseline: "a|b")
        #expect(table.markdown().contains("a\\|b (baseline)"))
    }

    @Test(arguments: [
        ("50 % of $x_1 & {y}", "50 \\% of \\$x\\_1 \\& \\{y\\}"), ("a\\b", "a\\textbackslash{}b"),
        ("#~^", "\\#\\textasciitilde{}\\textasciicircum{}"), ("0.996→1", "0.996$\\to$1"), ("–", "--"),
        ("≤ α₀", "$\\le$ $\\alpha$$_0$"), ("|é<", "$|$é$<$"), ("漢\u{1B}", "[U+6F22][U+1B]"),
    ])
    func `LaTeX sees no command in a name`(text: String, escaped: String) {
        #expect(text.escapedForLaTeX == escaped)
    }

    @Test(arguments: [
        ("1.89e-04 ± 2.0e+06", "1.89$\\times 10^{-4}$ $\\pm$ 2.0$\\times 10^{6}$"), ("shared_e2", "shared\\_e2"),
        ("[−0.5, 50 %]", "[$-$0.5, 50 \\%]"),
    ])
    func `LaTeX sets exponents as powers of ten`(cell: String, set: String) {
        #expect(cell.cellForLaTeX == set)
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
