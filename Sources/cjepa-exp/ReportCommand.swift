import Analysis
import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import Pictures
import RunStore
import Safetensors
import Training

/// `cjepa-exp report`: everything that an experiment says on one page.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write an experiment as one self-contained HTML page.",
        discussion: """
            Question and plan, the comparison table, loss terms and diagnostics over steps, singular spectra, a map of the \
            embeddings, masks, cost, failures and provenance. The page needs no network, prints well and follows the \
            reader's dark mode.
            """)

    @Argument(help: "Name of the experiment, the beginning of it, or its folder.")
    var experiment: String

    @Option(name: .shortAndLong, help: "The file to write; replaced where it exists.")
    var output = "report.html"

    @Option(help: "Folder that holds the results.")
    var results = "results"

    @Option(name: .customLong("metric"), help: "A column of the table; may be given several times.")
    var metrics: [String] = []

    @Option(help: "Encoder that plain metric names, collapse marks and the map mean.")
    var encoder = EvaluationConfiguration.Encoder.target

    func run() throws {
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        var input = try ReportInput.load(
            experimentDirectory: folder, metrics: metrics, encoder: encoder.rawValue,
            program: CJEPAExp.configuration.version)
        do {
            if let picture = try masks(of: input) { input.pictures.append(picture) }
        } catch {
            // The data may be elsewhere by now; the rest of the page does not need it.
            input.remarks.append("The masks cannot be drawn: \(error)")
        }
        try AtomicFile.write(Data(input.html().utf8), to: output)
        print(output)
    }

    /// Sampled masks of the baseline's first run on its own images.
    private func masks(of input: ReportInput) throws -> ReportInput.Picture? {
        let baseline = input.runs.filter { $0.arm == input.record.baseline }.min { $0.seed < $1.seed }
        guard let run = baseline ?? input.runs.first else { return nil }
        let directory = RunDirectory(path: run.directory)
        guard FileManager.default.fileExists(atPath: directory.planFile) else { return nil }
        let configuration = try directory.loadPlan().run.configuration
        let data = configuration.data
        let dataset = try DatasetSplits.load(data, folder: data.folder).limited(train: data.trainSubset, test: nil)
            .train
        let report = try MasksReport(configuration, dataset: dataset, step: 0, rows: 6, batches: 50)
        return ReportInput.Picture(
            title: "Masks of \(run.arm)",
            caption: "at step 0, seed \(run.seed); maps: share of masks that cover a patch",
            png: try PNGFile.data(report.figure()))
    }
}
