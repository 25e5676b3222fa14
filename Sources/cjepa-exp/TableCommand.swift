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
            Shows what came out, in sentences and as a table that fits the window: the headline accuracy of each arm, mean \
            ± sd over seeds, its difference from the baseline arm paired by seed, rank and verdict, then the claims. The \
            other formats are tables of all metrics.

            A metric is [target.|context.|steps.]column[@init|@last|@tail|@median|@gain], for example knn_20, \
            context.linear, steps.prediction_loss@last or knn_20@gain.
            """)

    @Argument(
        help: "An experiment: its name, a unique prefix of it, or its folder.", completion: ShellCompletion.experiment)
    var experiment: String

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    @Option(
        name: .customLong("metric"),
        help: "A column of the table; may be repeated. In text, the first is the headline.",
        completion: ShellCompletion.metric)
    var metrics: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Columns of text behind the arm, in this order: metrics, n, difference, bar, interval, p, rank, verdict. The other formats \
            take the metrics.
            """, valueName: "a,b,c"))
    var columns: String?

    @Option(help: ArgumentHelp("Only arms that match (*, ?), and the baseline; may be repeated.", valueName: "pattern"))
    var only: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Sort the arms by arm, metric (the headline), difference or rank; -rank and the like: descending.",
            valueName: "key"))
    var sort: String?

    @Option(help: ArgumentHelp("Take differences from this arm; claims stay those of the spec.", valueName: "arm"))
    var baseline: String?

    @Option(help: "Encoder for metric names without a prefix and for collapse marks.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(name: .customLong("tag"), help: "Only runs with this tag; may be repeated.")
    var tags: [String] = []

    @Option(help: "Format of the table (default: text; of an --output, what the end of its name says, else md).")
    var format: TableFormat?

    @Option(
        name: .customLong("section"),
        help: """
            Sections below the values in text, md and latex: statistics, effects (default of md and latex: these two), \
            curves, best, published, all or none; may be repeated.
            """)
    var sections: [SectionChoice] = []

    @Flag(help: "Text with every column and all evidence, however wide the window is.")
    var wide = false

    @Flag(help: "Leave out what explains the columns, in text, md and latex.")
    var noLegend = false

    @Option(help: "File to write instead of the terminal; an existing one is replaced.")
    var output: String?

    func validate() throws {
        if let sort, TableOrder(sort) == nil {
            let keys = TableOrder.Key.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError(
                "--sort takes \(keys), with a leading minus for descending, but is '\(sort)'"
                    + (TableOrder.nearest(to: sort).map { "; did you mean '\($0)'?" } ?? "."))
        }
        if columns != nil, columnNames.contains("") {
            throw ValidationError("--columns takes names with commas between them, for example n,linear,verdict.")
        }
    }

    /// Names of columns in their order, each once.
    private var columnNames: [String] {
        (columns?.split(separator: ",", omittingEmptySubsequences: false) ?? []).map {
            $0.trimmingCharacters(in: .whitespaces)
        }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private var writtenFormat: TableFormat { format ?? output.map(TableFormat.init(ofFile:)) ?? .text }

    func run() throws {
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        let remarks = RemarkPrinter()
        Console.begin("reading the results in \(folder)")
        let table = try table(in: folder, remarks: remarks)
        remarks.print()
        let format = writtenFormat
        let sections = sections.reduce(into: Set<TableSection>()) { $0.formUnion($1.sections) }
        var options = AnswerText.Options.forOutput(place: place(of: folder))
        options.isWide = wide
        options.hasLegend = !noLegend
        options.metrics = metrics
        options.columns = columnNames
        options.sections = sections
        if output != nil { options.isColoured = false }
        let text = try table.text(
            as: format, sections: self.sections.isEmpty ? TableSection.usual : sections, metric: metrics.first,
            options: options, hasLegend: !noLegend)
        if let output {
            try AtomicFile.write(Data(text.utf8), to: output)
        } else if format == .text {
            Console.write(visible: text)
        } else {
            print(text, terminator: "")
        }
    }

    /// The table with the arms and columns that were asked for.
    private func table(in folder: String, remarks: RemarkPrinter) throws -> ComparisonTable {
        let known = ["arm"] + AnswerColumn.allCases.map(\.rawValue)
        let added = columnNames.filter { !known.contains($0) }
        // A format without the other columns shows the metrics that are named, and no others.
        let isReplaced = writtenFormat != .text && metrics.isEmpty && !added.isEmpty
        var table = try ComparisonTable.load(
            experimentDirectory: folder, metrics: isReplaced ? added : metrics, adding: isReplaced ? [] : added,
            otherNames: columns == nil ? [] : known, encoder: encoder.rawValue, baseline: baseline, tags: tags,
            remark: remarks.add)
        if !only.isEmpty { table = try table.keeping(only) }
        if let order = sort.flatMap(TableOrder.init) { table = table.sorted(by: order, metric: metrics.first) }
        return table
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
