import Analysis
import ArgumentParser
import CPUKernels
import Datasets
package import ExperimentSpec
import Orchestration
import Training

/// The experiment of a spec; images are counted in the files.
///
/// - Parameter toleratesMissingData: As `Experiment.load` has it.
/// - Throws: `SpecErrors` with everything that is wrong.
package func loadSpec(
    _ path: String, overrides: [String] = [], only: [String] = [], skip: [String] = [],
    toleratesMissingData: Bool = false
) throws(SpecErrors) -> Experiment {
    try Experiment.load(
        path: path, overrides: overrides, only: only, skip: skip, datasetSize: trainingImageCount,
        metricLookup: { metric, encoder, configuration in
            MetricCatalog(of: configuration, encoder: encoder.rawValue).knowledge(of: metric)
        }, toleratesMissingData: toleratesMissingData,
        automaticPrecision: CPUBackend.multipliesBF16 ? .bf16 : .float32)
}

/// What `run` and `plan` share: which runs of which spec, where, on how much of the machine.
struct SpecOptions: ParsableArguments {
    @Argument(help: "The experiment's .spec file.", completion: ShellCompletion.spec)
    var spec: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a key of the spec; may be repeated.", valueName: "key.path=value"),
        completion: ShellCompletion.setting)
    var overrides: [String] = []

    @Option(help: "Short for --set training.precision=…: float32, bf16, or auto for whichever is faster here.")
    var precision: TrainingConfiguration.Precision?

    @Option(help: ArgumentHelp("Only arms or runs that match (*, ?); may be repeated.", valueName: "pattern"))
    var only: [String] = []

    @Option(help: ArgumentHelp("Skip arms or runs that match (*, ?); may be repeated.", valueName: "pattern"))
    var skip: [String] = []

    @Option(help: ArgumentHelp("Runs at once (default: as many as cores and memory allow).", valueName: "n"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "Threads of each run (default: the cores, divided among the runs); results do not depend on it.",
            valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Processes that train each run together under Open MPI (short for --set resources.ranks=n).", valueName: "n"
        ))
    var ranks: Int?

    @Flag(help: "Start over runs whose results were made by another revision of the program.")
    var rerunChangedCode = false

    @Flag(help: "Print JSON on standard output.")
    var json = false

    func validate() throws {
        for (name, value) in [("--workers", workers), ("--threads", threads), ("--ranks", ranks)] {
            try OptionBounds.check(value, name, in: OptionBounds.parallelism)
        }
    }

    /// Whether runs of the matrix were left out.
    var isPartial: Bool { !only.isEmpty || !skip.isEmpty }

    /// The experiment, with every run checked and its data read once, and what its results are compared with.
    ///
    /// - Parameter toleratesMissingData: For a plan: data that is not there is told in the experiment.
    func loadExperiment(
        toleratesMissingData: Bool = false
    ) async throws -> (experiment: Experiment, context: RunContext) {
        let precisions = precision.map { ["training.precision=\($0.rawValue)"] } ?? []
        let ranksSetting = ranks.map { ["resources.ranks=\($0)"] } ?? []
        Console.begin("reading \(spec)")
        let experiment = try loadSpec(
            spec, overrides: overrides + precisions + ranksSetting, only: only, skip: skip,
            toleratesMissingData: toleratesMissingData)
        Console.begin("reading the data")
        let fingerprints = try checkData(
            of: experiment.runs.filter { !experiment.lacksData(of: $0.configuration) })
        let context = RunContext(
            sourceRevision: await SourceRevision.current(), rerunsChangedCode: rerunChangedCode,
            fingerprints: fingerprints)
        return (experiment, context)
    }

    func capacity(for experiment: Experiment) -> Capacity {
        machineCapacity(for: experiment, workers: workers, threads: threads)
    }

    /// This command again, for messages.
    func command(_ name: String) -> String {
        func option(_ name: String, _ values: [String]) -> [String] { values.flatMap { [name, $0] } }
        var words = ["cjepa-exp", name, spec]
        if results != "results" { words += ["--results", results] }
        words += option("--precision", precision.map { [$0.rawValue] } ?? [])
        words += option("--set", overrides) + option("--only", only) + option("--skip", skip)
        words += option("--workers", workers.map { ["\($0)"] } ?? [])
        words += option("--threads", threads.map { ["\($0)"] } ?? [])
        words += option("--ranks", ranks.map { ["\($0)"] } ?? [])
        if rerunChangedCode { words.append("--rerun-changed-code") }
        return ShellWord.line(words)
    }
}

/// What the runs of an experiment may take: the command line wins over the spec, the spec over the machine.
func machineCapacity(for experiment: Experiment, workers: Int?, threads: Int?) -> Capacity {
    let resources = experiment.runs.map(\.configuration.resources)
    let memory = resources.compactMap(\.memoryGiB).min().map { Int($0 * 1_073_741_824) }
    return Capacity(
        cores: Machine.cores, memoryBytes: memory ?? Machine.freeMemoryBytes,
        workers: workers ?? resources.compactMap(\.workers).min(), threads: threads)
}

/// Words as a shell reads them.
enum ShellWord {
    static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

    static func quoted(_ word: String) -> String {
        let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0) }
        return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}

extension TrainingConfiguration.Precision: ExpressibleByArgument {}

extension CPUBackend {
    /// The back end for a resolved configuration.
    convenience init(for configuration: RunConfiguration) {
        self.init(precision: configuration.training.precision == .bf16 ? .bf16 : .float32)
    }
}
