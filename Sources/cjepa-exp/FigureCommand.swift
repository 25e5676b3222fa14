import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Safetensors

/// `cjepa-exp figure`: one figure of an experiment, ready for a paper.
struct FigureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "figure", abstract: "Draw a figure for a paper: SVG, PDF or PNG.",
        discussion: """
            forest: differences from the baseline with 95 % intervals, and the floors. \
            bars: values with sd and each seed, and the floors. \
            curves: a metric over steps. \
            spectra: singular values at the end. \
            collapse: rank and scale of the features over steps. \
            effects: main effects of the axes with 95 % intervals.
            Colours are those of Okabe and Ito. PDF and PNG are made by rsvg-convert (apt-get install librsvg2-bin).
            """)

    @Argument(
        help: "An experiment: its name, a unique prefix of it, or its folder.", completion: ShellCompletion.experiment)
    var experiment: String

    @Option(help: "What the figure shows: forest, bars, curves, spectra, collapse or effects.")
    var kind: FigureKind

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The file to write, .svg, .pdf or .png; an existing one is replaced. (default: the kind, as SVG)",
            valueName: "file"), completion: .file(extensions: ["svg", "pdf", "png"]))
    var output: String?

    @Option(help: "Width in columns of a paper: one (3.25 in) or two (6.75 in).")
    var width = FigureWidth.one

    @Option(
        help: ArgumentHelp(
            "What forest, bars, curves and effects show. (default: logistic where all finished runs have it, else linear)",
            valueName: "metric"), completion: ShellCompletion.metric)
    var metric: String?

    @Option(help: "Encoder for metric names without a prefix, spectra and collapse.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(help: ArgumentHelp("Only arms that match (*, ?); may be repeated.", valueName: "pattern"))
    var only: [String] = []

    @Option(name: .customLong("tag"), help: "Only runs with this tag; may be repeated.")
    var tags: [String] = []

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    private var file: String { output ?? "\(kind.rawValue).svg" }

    private var format: FigureFormat? {
        FigureFormat(rawValue: (file as NSString).pathExtension.lowercased())
    }

    func validate() throws {
        guard format != nil else {
            throw ValidationError("--output must end in .svg, .pdf or .png, which decides the format, not “\(file)”.")
        }
        guard metric == nil || kind.takesMetric else {
            throw ValidationError("--metric does not apply to --kind \(kind.rawValue), which shows fixed columns.")
        }
    }

    func run() async throws {
        guard let format else { return }
        // Before the results are read, which may take long.
        try format.requireConverter(for: file)
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        let remarks = RemarkPrinter()
        Console.begin("reading the results in \(folder)")
        let input = try ReportInput.load(
            experimentDirectory: folder, metrics: metric.map { [$0] } ?? [], encoder: encoder.rawValue, tags: tags,
            only: only, hasMaps: false, program: CJEPAExp.configuration.version, remark: remarks.add)
        remarks.print()
        let svg = try input.figure(kind, width: width, of: folder)
        Console.begin("writing \(file)")
        try AtomicFile.write(try await format.data(ofSVG: svg, for: file), to: file)
        print(file)
    }
}

extension FigureKind: ExpressibleByArgument {}
extension FigureWidth: ExpressibleByArgument {}
