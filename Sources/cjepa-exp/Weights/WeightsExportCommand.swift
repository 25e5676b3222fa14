import Analysis
import ArgumentParser
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import PretrainedWeights
import RunStore
import Statistics

/// `cjepa-exp weights export`: an encoder of a run for other programs, with what is known of it.
struct WeightsExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write an encoder of a run for other programs, with a model card.",
        discussion: """
            Takes a checkpoint of the run, the last one unless --step says another. Folders get the run's configuration, \
            data set, results and provenance in README.md, and the mean and deviation that its images were normalised by.
            """)

    @Argument(help: RunName.help, completion: ShellCompletion.run)
    var runName: String

    @OptionGroup var output: WeightOutputOptions

    @Option(help: ArgumentHelp("Training step of the checkpoint. (default: the last)", valueName: "n"))
    var step: Int?

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(
        help: ArgumentHelp("Folder with the data set's files, if they have moved since.", valueName: "dir"),
        completion: .directory)
    var dataFolder: String?

    func validate() throws { try OptionBounds.check(step, "--step", in: OptionBounds.steps) }

    func run() throws {
        try output.checkOutput()
        let place = try WeightPlace(runName, results: results, step: step)
        guard let directory = place.run else {
            throw UnusableInput(
                place: runName, problem: "is no run", remedy: "`cjepa-exp weights convert` takes files and folders")
        }
        Console.begin("reading \(place.path)")
        let weights = try place.open()
        var export = try output.export(of: weights)
        let plan = try directory.loadPlan()
        let configuration = plan.run.configuration
        let checkpoint = try Checkpoint.load(from: place.path, expecting: plan.run.configurationHash)
        let remarks = RemarkPrinter()
        let stored = try RunFile(path: directory.resultsFile)
        ResultsRemark(stored).map(remarks.add)
        remarks.print()
        export.epoch = checkpoint.metadata["epoch"].flatMap { Int($0) } ?? 0
        if output.to.isFolder {
            var data = SplitsCache(folder: dataFolder)
            let images = try data.load(configuration, trainedOn: stored.provenance).train
            export.preprocessing = Preprocessing(
                mean: images.normalization.mean, deviation: images.normalization.standardDeviation)
            export.preprocessing.isBicubic = images.view.interpolation == .bicubic
            export.preprocessing.shortSide = images.view.shortSide
            export.card = try RunCard(
                directory: directory, plan: plan, results: stored, step: checkpoint.step,
                encoder: export.encoder.role == .target ? .target : .context, license: output.license,
                images: images.count
            ).card()
        }
        try output.write(export)
    }
}

/// What a run says of its weights.
struct RunCard {
    let directory: RunDirectory
    let plan: RunPlan
    let results: RunFile
    let step: Int
    let encoder: EvaluationConfiguration.Encoder
    let license: String
    /// Training images.
    let images: Int

    /// - Throws: `RunStoreError`.
    func card() throws -> ModelCard {
        let (run, configuration) = (plan.run, plan.run.configuration)
        var card = ModelCard(title: "\(plan.experiment): \(run.arm), seed \(configuration.seed)")
        card.license = license
        let batch = configuration.training.batchSize
        let epochs = WeightNumber.text(images > 0 ? Double(step * batch) / Double(images) : nil)
        let known = results.provenance
        let provenance: [(String, String)] = [
            ("experiment", plan.experiment), ("question", plan.question), ("run", directory.name),
            // Where files lie on this machine is nobody's business.
            ("spec", plan.specPath.hasPrefix("/") ? (plan.specPath as NSString).lastPathComponent : plan.specPath),
            ("data set", "\(configuration.dataIdentity.name), \(images) training images"),
            ("training", "\(step) steps of \(batch) images, \(epochs) epochs"),
            ("encoder", encoder == .target ? "target" : "context"), ("configuration hash", run.configurationHash),
            ("program", "cjepa-exp \(known["program_version"] ?? "")"),
            ("revision", known["source_revision"] ?? plan.sourceRevision ?? "unknown"),
            ("back end", known["back_end"] ?? "unknown"),
            ("precision", configuration.training.precision.rawValue), ("trained", known["started_at"] ?? "unknown"),
        ]
        card.provenance = provenance.filter { !$0.1.isEmpty }
        card.metrics = try metrics()
        var shown = configuration
        if let folder = configuration.dataFolder {
            shown.set("data.folder", to: .text((folder as NSString).lastPathComponent))
        }
        card.configuration = shown.yaml()
        return card
    }

    /// The evaluation at that step: accuracies with their intervals over test images, where predictions are stored.
    private func metrics() throws -> [ModelCard.Metric] {
        let name = "evaluation/\(encoder.rawValue)"
        guard results.tableNames.contains(name) else { return [] }
        let table = try results.table(name)
        guard let row = table["step"]?.lastIndex(of: Double(step)) else { return [] }
        let predictions = try results.predictions(encoder: encoder.rawValue)
        return table.columns.compactMap { column in
            guard MetricConvention.isAccuracy(column, in: name), let value = table[column]?[row], value.isFinite else {
                return nil
            }
            let correct = predictions.flatMap { $0.step == step ? $0.correctness(column) : nil }
            let spread = correct.flatMap { ImageBootstrap().spreads(of: [$0]).first }
            return ModelCard.Metric(
                name: column, value: value,
                interval: spread.map(\.interval).flatMap { $0.low <= $0.high ? $0.low...$0.high : nil })
        }
    }
}
