import Declarations
import Evaluation
import Objectives
import ExperimentSpec
import Foundation
import RunStore

extension ReportInput {
    /// The report as one HTML page that needs nothing but itself.
    package func html() -> String {
        let failures = failureSection()
        let sections = [
            firstScreen(), failures.isEmpty ? "" : failures, curveSection(), collapseSection(), spectrumSection(),
            mapSection(), pictureSection(),
        ]
        let details = [
            tableSection(), planSection(), trainingSection(), gradientSection(), evaluationSection(),
            diagnosticsSection(), costSection(), provenanceSection(),
        ]
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" href="data:,">\(refresh)
            <title>\(escaped(record.name))</title>
            <style>
            \(ReportStyle.css(styles))
            </style></head><body>
            \(Self.withContents(sections + details.map(Self.folded)))
            <div id="tip" role="status"></div>
            <script>
            \(ReportStyle.script)
            </script>
            </body></html>

            """
    }

    private var refresh: String {
        refreshSeconds.map { "\n<meta http-equiv=\"refresh\" content=\"\($0)\">" } ?? ""
    }

    /// Sections behind their headings, each opened by a click.
    private static func folded(_ sections: String) -> String {
        let parts = sections.components(separatedBy: "<h2>")
        return (parts.first ?? "")
            + parts.dropFirst().map { part in
                let halves = part.components(separatedBy: "</h2>")
                return "<details class=\"section\"><summary><h2>\(halves[0])</h2></summary>"
                    + halves.dropFirst().joined() + "</details>\n"
            }.joined()
    }

    /// The sections with a link to each heading below the first of them.
    private static func withContents(_ sections: [String]) -> String {
        var links: [String] = []
        let numbered = sections.map { section in
            section.replacing(/<h2>(.*?)<\/h2>/) { match in
                links.append("<a href=\"#s\(links.count)\">\(match.output.1)</a>")
                return "<h2 id=\"s\(links.count - 1)\">\(match.output.1)</h2>"
            }
        }
        return (numbered.first ?? "") + "<nav>\(links.joined(separator: " "))</nav>\n"
            + numbered.dropFirst().joined()
    }
}
