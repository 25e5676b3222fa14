import Analysis
import ArgumentParser
import CPUKernels
import Datasets
import Declarations
import Evaluation
import ExperimentSpec
import Foundation
import Orchestration
import RunStore
import Statistics
import Training

/// `cjepa-exp retest`: how much an accuracy depends on the seed of its probe alone.
struct RetestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retest",
        abstract: "Evaluate a run's weights again with other seeds of the probes, and show how far accuracies spread.",
        discussion: """
            Only what probes draw at random changes: which training images are held out or make a fold, and their order. \
            The spread is noise of the measurement: differences between runs that are smaller say nothing. The weights \
            come from the run's latest checkpoint.
            """)

    @Argument(
        help: ArgumentHelp("A run: its folder, experiment/run, or a unique prefix of its name.", valueName: "run"),
        completion: ShellCompletion.run)
    var runName: String

    @Option(help: ArgumentHelp("How often to evaluate, each time with another seed.", valueName: "n"))
    var times = 8

    @Option(help: "Whose features: target or context.")
    var encoder = EvaluationConfiguration.Encoder.target

    @Option(help: ArgumentHelp("Training images, in place of the run's own number.", valueName: "n"))
    var trainImages: Int?

    @Option(help: ArgumentHelp("Test images, in place of the run's own number.", valueName: "n"))
    var testImages: Int?

    @Option(help: ArgumentHelp("Folder that holds the data now.", valueName: "dir"), completion: .directory)
    var dataFolder: String?

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(help: "Compute threads.")
    var threads = 1

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        try OptionBounds.check(times, "--times", in: 2...10_000)
        try OptionBounds.check(trainImages, "--train-images", in: 1...Int(Int32.max))
        try OptionBounds.check(testImages, "--test-images", in: 1...Int(Int32.max))
    }

    func run() throws {
        let directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(runName))
        let plan = try directory.loadPlan()
        var configuration = plan.run.configuration
        guard let newest = directory.checkpoints.entries.last else {
            throw UnusableInput(
                place: directory.path, problem: "the run has no checkpoint",
                remedy: "wait for its first checkpoint; `cjepa-exp status` shows its progress")
        }
        // As it lies: looking sets no damaged checkpoint aside.
        let checkpoint = try Checkpoint.load(from: newest.path, expecting: plan.run.configurationHash)
        // Runs from before a task that is on by default are looked at by it too.
        for task in configuration.allEvaluationTasks.map(\.declaration) {
            for key in task.keys where key.name == EvaluationTaskDeclaration.enabledKey && key.defaultValue == true {
                configuration.set("\(task.group).\(key.name)", to: true)
            }
        }
        if let trainImages { configuration.evaluation.trainImages = trainImages }
        if let testImages { configuration.evaluation.testImages = testImages }
        let file = try RunFile(path: directory.resultsFile)
        var data = SplitsCache(folder: dataFolder)
        let images = try data.load(configuration, trainedOn: file.provenance).evaluated(configuration.evaluation)
        let labels = ProbeLabels(
            train: try images.train.labels(for: "probes"), test: try images.test.labels(for: "probes"))
        Console.note(
            "\(directory.name): features of \(counted(images.train.count + images.test.count, "image")) at step "
                + "\(checkpoint.step)")
        let backend = CPUBackend(for: configuration)
        let features = try CheckpointEncoders(
            RunSettings(plan.run.configuration), tensors: checkpoint.tensors, backend: backend, threads: threads
        ).probeFeatures(of: images, encoder: encoder)
        var columns: [String] = []
        var values: [String: [Double]] = [:]
        Console.begin("evaluating with other seeds", of: times)
        for seed in 0..<times {
            configuration.seed = seed
            let found = Evaluator(backend: backend, tasks: configuration.evaluationTasks, threads: threads)
                .evaluate(features, labels: labels)
            for (name, value) in found.metrics where MetricConvention.metric(named: name)?.isAccuracy == true {
                if values[name] == nil { columns.append(name) }
                values[name, default: []].append(100 * value)
            }
            Console.activity.advance()
        }
        let report = RetestReport(
            run: directory.name, step: checkpoint.step, encoder: encoder.rawValue, trainImages: images.train.count,
            testImages: images.test.count, times: times,
            accuracies: columns.compactMap { name in
                values[name].flatMap { RetestReport.Accuracy(name, percent: $0) }
            })
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }
}

/// What `retest` prints.
struct RetestReport: Encodable {
    struct Accuracy: Encodable {
        let name: String
        /// In percent, over seeds.
        let mean: Double
        /// In points, over seeds.
        let standardDeviation: Double
        let lowest: Double
        let highest: Double
        /// One for each seed.
        let values: [Double]

        /// - Returns: None where a number is not finite.
        init?(_ name: String, percent values: [Double]) {
            guard values.allSatisfy(\.isFinite), let moments = Moments(values),
                let deviation = moments.standardDeviation, let low = values.min(), let high = values.max()
            else { return nil }
            self.name = name
            mean = moments.mean
            standardDeviation = deviation
            (lowest, highest) = (low, high)
            self.values = values
        }
    }

    let run: String
    let step: Int
    let encoder: String
    let trainImages: Int
    let testImages: Int
    let times: Int
    let accuracies: [Accuracy]

    var text: String {
        func two(_ value: Double) -> String { String(format: "%.2f", value) }
        var table = TextTable([
            ("accuracy", .left), ("mean %", .right), ("sd, points", .right), ("lowest", .right), ("highest", .right),
        ])
        for accuracy in accuracies {
            table.append([
                accuracy.name, two(accuracy.mean), String(format: "%.3f", accuracy.standardDeviation),
                two(accuracy.lowest), two(accuracy.highest),
            ])
        }
        return """
            \(run), step \(step), \(encoder) encoder: the same weights evaluated \(times) times, each with another seed
            of the probes; \(trainImages) training and \(testImages) test images

            \(table.text)
            """
    }
}
