import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Safetensors

/// `cjepa-exp report`: everything that an experiment says on one page.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write an experiment as one self-contained HTML page.",
        discussion: """
            Question and plan, the comparison table, verdicts over time with their evidence, loss terms, their gradients \
            and diagnostics over steps, singular spectra, a map of the embeddings, masks and attention of the arms side by \
            side, cost, failures and provenance. The page needs no network, prints well and follows the reader's dark mode.
            """)

    @Argument(
        help: "An experiment: its name, a unique prefix of it, or its folder.", completion: ShellCompletion.experiment)
    var experiment: String

    @Option(name: .shortAndLong, help: "The file to write; an existing one is replaced.")
    var output = "report.html"

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    @Option(
        name: .customLong("metric"), help: "A column of the table; may be repeated.",
        completion: ShellCompletion.metric)
    var metrics: [String] = []

    @Option(help: "Encoder for metric names without a prefix, collapse marks and the map.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(
        help: ArgumentHelp(
            "Indices in the test split of the images whose attention is drawn. (default: one of each of the first six "
                + "classes)", valueName: "n,…"))
    var images: String?

    @Option(help: "Compute threads.")
    var threads = 1

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        _ = try images.map(ImagePlaces.read)
    }

    func run() throws {
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        let remarks = RemarkPrinter()
        Console.begin("reading the results in \(folder)")
        var input = try ReportInput.load(
            experimentDirectory: folder, metrics: metrics, encoder: encoder.rawValue,
            program: CJEPAExp.configuration.version, remark: remarks.add)
        remarks.print()
        try ReportPictures(images: try images.map(ImagePlaces.read), threads: threads).add(to: &input)
        Console.begin("writing \(output)")
        try AtomicFile.write(Data(input.html().utf8), to: output)
        print(output)
    }
}
