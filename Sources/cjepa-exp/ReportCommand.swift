import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore
import Safetensors

/// `cjepa-exp report`: everything that an experiment says on one page.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write an experiment as one self-contained HTML page.",
        discussion: """
            First the question and the differences of the arms from the baseline with their intervals; then accuracies, \
            rank and scale over steps, verdicts, singular spectra, a map of the embeddings, masks and attention of the arms \
            side by side; then, folded, all tables, loss terms, their gradients, diagnostics, cost and provenance. The page \
            needs no network, prints well and follows the reader's dark mode.
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

    @Flag(help: "Write the page again whenever results have changed, until all work on the experiment has stopped.")
    var watch = false

    @Option(help: ArgumentHelp("With --watch: seconds between checks. (default: 10)", valueName: "s"))
    var interval: Double?

    func validate() throws {
        try OptionBounds.check(seconds: interval, "--interval")
        guard watch || interval == nil else { throw ValidationError("--interval applies only to --watch.") }
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        _ = try images.map(ImagePlaces.read)
    }

    func run() async throws {
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        if watch {
            try await ReportWatch(folder: ExperimentFolder(path: folder), interval: interval ?? 10)
                .run { try write(folder, refreshSeconds: $0) }
        } else {
            try write(folder, refreshSeconds: nil)
        }
        print(output)
    }

    /// - Parameter refreshSeconds: After which a browser loads the page again; none: never.
    private func write(_ folder: String, refreshSeconds: Int?) throws {
        let remarks = RemarkPrinter()
        Console.begin("reading the results in \(folder)")
        var input = try ReportInput.load(
            experimentDirectory: folder, metrics: metrics, encoder: encoder.rawValue,
            program: CJEPAExp.configuration.version, remark: remarks.add)
        remarks.print()
        try ReportPictures(images: try images.map(ImagePlaces.read), threads: threads).add(to: &input)
        input.refreshSeconds = refreshSeconds
        Console.begin("writing \(output)")
        try AtomicFile.write(Data(input.html().utf8), to: output)
    }
}

/// `report --watch`: the page is written at once and at each change of the results.
struct ReportWatch {
    let folder: ExperimentFolder
    let interval: Double

    /// What decides whether there is something new: files are replaced as a whole, so their times tell.
    private struct Results: Equatable {
        var statuses: [String: String] = [:]
        var times: [String: Date] = [:]

        init(_ folder: ExperimentFolder) throws {
            let record = try ExperimentRecord.load(fromExperiment: folder.path)
            let directories = record.runs.map { RunDirectory(path: folder.path + "/" + $0.directoryName) }
            for directory in directories {
                // A damaged state is shown on the page, and does not end the watch.
                statuses[directory.path] = (try? directory.loadState())?.status.rawValue ?? ""
            }
            for file in directories.map(\.resultsFile) + (record.floors ?? []).map({ folder.path + "/" + $0 }) {
                times[file] = try? FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date
            }
        }
    }

    /// Returns once no worker and no `run` works on the experiment; the last page is not loaded again.
    func run(write: (_ refreshSeconds: Int?) throws -> Void) async throws {
        var shown: Results?
        while true {
            // Asked for first: a `run` that ends in between has left its last results behind.
            let isBusy = ExperimentLock.isHeld(experimentDirectory: folder.path)
            let status = try StatusReport(
                of: folder, tags: [], liveness: await .asking(about: folder), readsResults: false)
            let isActive = isBusy || status.isActive
            let results = try Results(folder)
            if results != shown || !isActive { try write(isActive ? max(1, Int(interval.rounded(.up))) : nil) }
            shown = results
            guard isActive else { return }
            Console.begin("waiting for results in \(folder.path)")
            try await Task.sleep(for: .seconds(interval))
        }
    }
}
