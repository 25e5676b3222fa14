import Analysis
import Foundation
import Glibc
import Orchestration

/// Prints the comparison of an experiment: what `table` prints.
///
/// - Throws: errors of the results that it is made from.
func printComparison(of folder: ExperimentFolder) throws {
    let remarks = RemarkPrinter()
    Console.begin("reading the results in \(folder.path)")
    let table = try ComparisonTable.load(experimentDirectory: folder.path, remark: remarks.add)
    remarks.print()
    Console.write(visible: try table.text(as: .text, options: .forOutput(place: place(of: folder.path))))
    print("")
}

/// What commands take that are to find an experiment: its name, and where its results are if not in `results`.
func place(of experimentDirectory: String) -> String {
    let path = experimentDirectory as NSString
    let results = path.deletingLastPathComponent
    return ShellWord.line(
        [path.lastPathComponent]
            + (results == "results" ? [] : ["--results", results.isEmpty ? "." : results]))
}

extension AnswerText.Options {
    /// As standard output is: as wide as the window, in colour where it has any.
    static func forOutput(place: String) -> Self {
        Self(
            width: Terminal.textWidth(of: STDOUT_FILENO), isColoured: Terminal.hasColour(STDOUT_FILENO), place: place)
    }
}
