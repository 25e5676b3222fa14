import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp export`: results in forms that other programs read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write embeddings, batches, series or configurations for other programs.",
        discussion: """
            --embeddings takes a run or an experiment and writes features of the test images or, with --split train, of \
            the training images, as npz, npy, hdf5, csv, tsv, parquet or safetensors.
            --batches takes a run and writes the batches of chosen steps, as npz or hdf5: crops, masks, image indices.
            --metrics takes a run or an experiment and writes its series as csv, jsonl, parquet or tensorboard.
            --configurations takes an experiment and writes resolved YAML, laid out as Hydra does.
            --links takes an experiment and builds matrix.h5 in its folder: links to the files of all runs.
            """)

    @Argument(
        help: ArgumentHelp(
            "A run or an experiment: its folder, experiment/run, or a unique prefix of its name.", valueName: "run"),
        completion: ShellCompletion.runOrExperiment)
    var runName: String

    @Flag(help: "Export features of a run, or of all runs of an experiment.")
    var embeddings = false

    @Option(
        help: ArgumentHelp(
            "Export these batches of a run, counted from 0: step n + 1 trains on batch n.",
            valueName: "n,n-m,…"))
    var batches: String?

    @Flag(help: "Export the series of a run, or of all runs of an experiment.")
    var metrics = false

    @Flag(help: "Export the resolved configurations of an experiment.")
    var configurations = false

    @Flag(help: "Build the HDF5 file that links to all runs of an experiment.")
    var links = false

    @Option(help: "Encoder whose features are exported.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(
        help: "Training step of the features, or \"last\"; they must be stored, or with train a checkpoint must exist.")
    var step = "last"

    @Option(
        help: """
            Images whose features are exported: test, or train, computed from a checkpoint of the run. \
            (default: test)
            """)
    var split: EmbeddingSet.Split?

    @Option(help: "npz, npy, hdf5, csv, tsv (TensorBoard projector), parquet, safetensors; jsonl, tensorboard.")
    var format: ExportFormat?

    @Option(help: "File or folder to write; default: named after the run or experiment, in the working directory.")
    var output: String?

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    @Option(help: "Folder with the data set's files, if they have moved since the run was planned.")
    var dataFolder: String?

    @Option(help: ArgumentHelp("Threads that compute features. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Replace existing files.")
    var force = false

    func validate() throws {
        guard [embeddings, batches != nil, metrics, configurations, links].count(where: { $0 }) == 1 else {
            throw ValidationError(
                "Say what to export, one of: --embeddings, --batches, --metrics, --configurations, --links.")
        }
        guard step == "last" || Int(step).map(OptionBounds.steps.contains) == true else {
            throw ValidationError("--step takes a step or \"last\", not \"\(step)\".")
        }
        _ = try batches.map(StepList.read)
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        guard embeddings || split == nil else { throw ValidationError("--split applies only to --embeddings.") }
        guard split == .train || threads == nil else {
            throw ValidationError("--threads applies only to --split train; nothing else is computed.")
        }
        guard split == .train || batches != nil || dataFolder == nil else {
            throw ValidationError(
                "--data-folder applies only to --split train and --batches; nothing else reads the data.")
        }
        let known = formats
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

    /// Those of what is exported; none where there is a single form.
    private var formats: [String] {
        if embeddings { return EmbeddingFormat.allCases.map(\.rawValue) }
        if batches != nil { return ArrayFormat.allCases.map(\.rawValue) }
        return metrics ? MetricFormat.allCases.map(\.rawValue) : []
    }

    private func written(remark: @escaping (ResultsRemark) -> Void) throws -> [String] {
        let locator = ResultsLocator(resultsDirectory: results)
        if links {
            return [try MatrixFile.build(experimentDirectory: locator.experiment(runName), remark: remark)]
        }
        if configurations {
            let folder = try locator.experiment(runName)
            let name = (folder as NSString).lastPathComponent
            return try ConfigurationTree.write(
                experimentDirectory: folder, to: output ?? "\(name)-configurations", replacing: force, remark: remark)
        }
        if let batches, let format = format.flatMap({ ArrayFormat(rawValue: $0.rawValue) }) {
            let directory = RunDirectory(path: try locator.run(runName))
            var export = try BatchExport(directory, dataFolder: dataFolder)
            return try export.write(
                StepList.read(batches), format, to: output ?? "\(directory.name)-batches", replacing: force)
        }
        if embeddings, let format = format.flatMap({ EmbeddingFormat(rawValue: $0.rawValue) }) {
            var export = EmbeddingExport(
                format: format, encoder: encoder, step: Int(step), split: split ?? .test,
                threads: threads ?? Machine.cores, replaces: force, data: SplitsCache(folder: dataFolder),
                remark: remark)
            let (name, runs) = try locator.runs(runName)
            if runs == [name] { return try export.write(run: name, to: output) }
            return try export.write(runs: runs, to: output ?? "\((name as NSString).lastPathComponent)-embeddings")
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

    /// "h5", as files of HDF5 are called, too.
    init?(argument: String) {
        self.init(rawValue: argument == "h5" ? "hdf5" : argument)
    }
}

extension EmbeddingSet.Split: ExpressibleByArgument {}
