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

/// What an experiment has shown so far, for standard error; nil as long as its results cannot be read.
func interimComparison(of folder: ExperimentFolder) -> String? {
    var options = AnswerText.Options.forOutput(place: place(of: folder.path), descriptor: STDERR_FILENO)
    options.isBrief = true
    // What is wrong with a result is told at the end.
    return try? ComparisonTable.load(experimentDirectory: folder.path).text(as: .text, options: options)
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
    /// As standard output is, or standard error: as wide as the window, in colour where it has any.
    static func forOutput(place: String, descriptor: Int32 = STDOUT_FILENO) -> Self {
        Self(width: Terminal.textWidth(of: descriptor), isColoured: Terminal.hasColour(descriptor), place: place)
    }
}
