import Analysis

/// Prints the comparison table of an experiment.
///
/// - Throws: errors of the results that it is made from.
func printComparison(experimentDirectory: String) throws {
    let remarks = RemarkPrinter()
    Console.begin("reading the results in \(experimentDirectory)")
    let table = try ComparisonTable.load(
        experimentDirectory: experimentDirectory, metrics: [], encoder: "target", remark: remarks.add)
    remarks.print()
    print(try table.text(as: .markdown))
}
