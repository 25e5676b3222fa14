import Analysis
import ArgumentParser
import ExperimentSpec

/// `cjepa-exp export`: stored embeddings in formats that other programs read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a run's embeddings for NumPy, HDF5, CSV readers or the projector.")

    @Argument(help: RunName.help)
    var runName: String

    @Flag(help: "Export the features of the test images.")
    var embeddings = false

    @Option(help: "Whose features.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(help: "Training step at which they were stored, or \"last\".")
    var step = "last"

    @Option(help: "npz, hdf5, csv, or tsv for the TensorBoard projector.")
    var format: EmbeddingFormat

    @Option(help: "File to write, for tsv a folder; default: named after the run, here.")
    var output: String?

    @Option(help: "Folder that holds the results.")
    var results = "results"

    @Flag(help: "Replace what exists.")
    var force = false

    func validate() throws {
        guard embeddings else { throw ValidationError("Say what to export: --embeddings.") }
        guard step == "last" || Int(step) != nil else {
            throw ValidationError("--step takes a number of steps or \"last\", not \"\(step)\".")
        }
    }

    func run() throws {
        let folder = try ResultsLocator(resultsDirectory: results).run(runName)
        let set = try EmbeddingSet.load(runDirectory: folder, encoder: encoder.rawValue, step: Int(step))
        let files = try format.write(set, to: output ?? format.defaultName(of: set), replacing: force)
        for file in files { print(file) }
    }
}

extension EmbeddingFormat: ExpressibleByArgument {}
