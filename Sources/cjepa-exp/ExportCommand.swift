import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import RunStore

/// `cjepa-exp export`: results in forms that other programs read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write embeddings, series or configurations for other programs.",
        discussion: """
            --embeddings takes a run and writes its features as npz, npy, hdf5, csv, tsv, parquet or safetensors.
            --metrics takes a run or an experiment and writes its series as csv, jsonl, parquet or tensorboard.
            --configurations takes an experiment and writes resolved YAML, laid out as Hydra does.
            --links takes an experiment and builds matrix.h5 in its folder: links to the files of all runs.
            """)

    @Argument(
        help: ArgumentHelp(
            "A run or an experiment: its folder, experiment/run, or the beginning of a name.", valueName: "run"),
        completion: ShellCompletion.runOrExperiment)
    var runName: String

    @Flag(help: "Export a run's features of the test images.")
    var embeddings = false

    @Flag(help: "Export the series of a run, or of all runs of an experiment.")
    var metrics = false

    @Flag(help: "Export the resolved configurations of an experiment.")
    var configurations = false

    @Flag(help: "Build the HDF5 file that links to all runs of an experiment.")
    var links = false

    @Option(help: "Encoder whose features are exported.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(help: "Training step at which the features were stored, or \"last\".")
    var step = "last"

    @Option(help: "npz, npy, hdf5, csv, tsv (TensorBoard projector), parquet, safetensors; jsonl, tensorboard.")
    var format: ExportFormat?

    @Option(help: "File or folder to write; default: named after the run or experiment, in the working directory.")
    var output: String?

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    @Flag(help: "Replace existing files.")
    var force = false

    func validate() throws {
        guard [embeddings, metrics, configurations, links].count(where: { $0 }) == 1 else {
            throw ValidationError("Say what to export, one of: --embeddings, --metrics, --configurations, --links.")
        }
        guard step == "last" || Int(step).map(OptionBounds.steps.contains) == true else {
            throw ValidationError("--step takes a step or \"last\", not \"\(step)\".")
        }
        let known: [String] =
            embeddings
            ? EmbeddingFormat.allCases.map(\.rawValue) : metrics ? MetricFormat.allCases.map(\.rawValue) : []
        guard known.isEmpty == (format == nil), format.map({ known.contains($0.rawValue) }) ?? true else {
            throw ValidationError(
                known.isEmpty
                    ? "--format does not apply here." : "--format takes one of: \(known.joined(separator: ", ")).")
        }
        guard !links || output == nil else {
            throw ValidationError(
                "matrix.h5 is always written beside the runs that it links to; --output does not apply.")
        }
    }

    func run() throws {
        let remarks = RemarkPrinter()
        Console.begin("exporting \(runName)")
        defer { remarks.print() }
        for file in try written(remark: remarks.add) { print(file) }
    }

    private func written(remark: (ResultsRemark) -> Void) throws -> [String] {
        let locator = ResultsLocator(resultsDirectory: results)
        if links {
            return [try MatrixFile.build(experimentDirectory: locator.experiment(runName), remark: remark)]
        }
        if configurations {
            let folder = try locator.experiment(runName)
            let name = (folder as NSString).lastPathComponent
            return try ConfigurationTree.write(
                experimentDirectory: folder, to: output ?? "\(name)-configurations", replacing: force)
        }
        if let format = format.flatMap({ EmbeddingFormat(rawValue: $0.rawValue) }), embeddings {
            let set = try EmbeddingSet.load(
                runDirectory: locator.run(runName), encoder: encoder.rawValue, step: Int(step), remark: remark)
            return try format.write(set, to: output ?? format.defaultName(of: set), replacing: force)
        }
        guard let format = format.flatMap({ MetricFormat(rawValue: $0.rawValue) }) else { return [] }
        let (name, runs) = try locator.runs(runName)
        return try MetricExport(runDirectories: runs, in: name, remark: remark)
            .write(
                format, to: output ?? "\((name as NSString).lastPathComponent)-metrics", replacing: force)
    }
}

/// Every format that some export knows.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
    case npz, npy, hdf5, csv, tsv, parquet, safetensors, jsonl, tensorboard
}
