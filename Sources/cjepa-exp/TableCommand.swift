import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Safetensors

/// `cjepa-exp table`: the comparison table of an experiment.
struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Compare the arms of an experiment.",
        discussion: """
            Rows are arms and floors, columns metrics: mean ± sd over seeds, and the difference from the baseline arm \
            paired by seed. A metric is [target.|context.|steps.]column[@init|@last|@tail|@median|@gain], for example \
            knn_20, context.linear, steps.prediction_loss@last or knn_20@gain.
            """)

    @Argument(
        help: "An experiment: its name, a unique prefix of it, or its folder.", completion: ShellCompletion.experiment)
    var experiment: String

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    @Option(
        name: .customLong("metric"), help: "A column of the table; may be repeated.",
        completion: ShellCompletion.metric)
    var metrics: [String] = []

    @Option(help: "Encoder for metric names without a prefix and for collapse marks.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(name: .customLong("tag"), help: "Only runs with this tag; may be repeated.")
    var tags: [String] = []

    @Option(help: "Format of the table.")
    var format = TableFormat.markdown

    @Option(
        name: .customLong("section"),
        help: """
            Sections that Markdown and LaTeX show below the values: statistics, effects (default: these two), curves, \
            best, published, all or none; may be repeated.
            """)
    var sections: [SectionChoice] = []

    @Option(help: "File to write instead of the terminal; an existing one is replaced.")
    var output: String?

    func run() throws {
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        let remarks = RemarkPrinter()
        Console.begin("reading the results in \(folder)")
        let table = try ComparisonTable.load(
            experimentDirectory: folder, metrics: metrics, encoder: encoder.rawValue, tags: tags, remark: remarks.add)
        remarks.print()
        let text = try table.text(
            as: format,
            sections: sections.isEmpty ? TableSection.usual : sections.reduce(into: []) { $0.formUnion($1.sections) })
        if let output {
            try AtomicFile.write(Data(text.utf8), to: output)
        } else {
            print(text, terminator: "")
        }
    }
}

/// A section by its name, all of them, or none.
enum SectionChoice: String, CaseIterable, ExpressibleByArgument {
    case statistics
    case effects
    case curves
    case best
    case published
    case all
    case none

    var sections: Set<TableSection> {
        self == .all ? Set(TableSection.allCases) : Set(TableSection(rawValue: rawValue).map { [$0] } ?? [])
    }
}

extension EvaluationConfiguration.Encoder: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
