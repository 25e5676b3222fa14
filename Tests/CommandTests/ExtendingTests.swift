import Foundation
import Testing

/// docs/extending.md, step by step.
@Suite struct ExtendingTests {
    private static let page = Program.repository + "/docs/extending.md"

    /// The first block of code in a language.
    private func block(_ language: String) throws -> String {
        let text = try String(contentsOfFile: Self.page, encoding: .utf8)
        let start = try #require(text.range(of: "```\(language)\n"))
        let end = try #require(text.range(of: "```", range: start.upperBound..<text.endIndex))
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// RECORD_DOCS=1 writes the page anew.
    @Test(arguments: [
        ("swift", "Sources/Objectives/BarlowTwins.swift"), ("yaml", "experiments/barlow.spec"),
    ])
    func thePageShowsTheCodeThatIsBuiltAndTheSpecThatRuns(language: String, file: String) throws {
        let content = try String(contentsOfFile: Program.repository + "/" + file, encoding: .utf8)
        let shown = try block(language)
        guard shown != content else { return }
        if ProcessInfo.processInfo.environment["RECORD_DOCS"] == "1" {
            let text = try String(contentsOfFile: Self.page, encoding: .utf8)
            try text.replacingOccurrences(of: shown, with: content)
                .write(toFile: Self.page, atomically: true, encoding: .utf8)
        }
        Issue.record("docs/extending.md does not show \(file) as it is; run with RECORD_DOCS=1")
    }

    @Test func theSpecOfThePageBecomesATableWithTheTermsNumbers() throws {
        let folder = try TemporaryFolder()
        let results = ["--results", folder.path]
        let short = [
            "training.steps=4", "diagnostics.gradient_norms_every=2", "evaluation.train_images=200",
            "evaluation.test_images=100", "evaluation.linear.epochs=1", "diagnostics.lidar_objects=10",
            "diagnostics.patch_rows=100",
        ].flatMap { ["--set", $0] }
        let run = try Program.run(
            ["run", "experiments/barlow.spec", "--only", "*-s0"] + short + results)
        #expect(run.status == 0, "\(run.error)")
        let table = try Program.run(
            ["table", "barlow", "--metric", "knn_20", "--metric", "steps.barlow_twins_loss", "--format", "csv"]
                + results)
        #expect(table.status == 0, "\(table.error)")
        // One line for each arm and column.
        let lines = table.output.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let mean = try #require(lines[0].firstIndex(of: "mean"))
        let line = try #require(lines.first { $0[2] == "barlow" && $0.contains("barlow_twins_loss") })
        #expect(try #require(Double(line[mean])) > 0, "\(table.output)")
        let report = try Program.run(["report", "barlow", "-o", folder.path + "/report.html"] + results)
        #expect(report.status == 0, "\(report.error)")
    }
}
