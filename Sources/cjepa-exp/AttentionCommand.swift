import Analysis
import ArgumentParser
import CPUKernels
import Datasets
import ExperimentSpec
import Foundation
import Pictures
import RunStore
import Training

/// `cjepa-exp attention`: where the last layer of a run's encoders looks.
struct AttentionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attention", abstract: "Draw the last layer's attention of a run's encoders on test images.",
        discussion: """
            One row per image: the image itself, then, for target and context encoder, the mean over heads and each head. \
            Redder patches receive more attention, averaged over all queries; each map's colours span its minimum to its \
            maximum. The weights come from the run's latest checkpoint, so an unfinished run can be drawn too.
            """)

    @Argument(
        help: ArgumentHelp("A run: its folder, experiment/run, or a unique prefix of its name.", valueName: "run"),
        completion: ShellCompletion.run)
    var runName: String

    @Option(help: ArgumentHelp("Indices of the images in the test split. (default: 0 to 7)", valueName: "n,…"))
    var images: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The PNG file; an existing one is replaced.", valueName: "png"))
    var output: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(help: "Compute threads.")
    var threads = 1

    @Flag(help: "Print the maps as JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        _ = try places()
    }

    func run() throws {
        let directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(runName))
        let plan = try directory.loadPlan()
        let configuration = plan.run.configuration
        guard let newest = directory.checkpoints.entries.last else {
            throw UnusableInput(
                place: directory.path, problem: "the run has no checkpoint",
                remedy: "wait for its first checkpoint; `cjepa-exp status` shows its progress")
        }
        // As it lies: looking sets no damaged checkpoint aside.
        let checkpoint = try Checkpoint.load(from: newest.path, expecting: plan.run.configurationHash)
        let test = try DatasetSplits.load(configuration).test
        let places = try places()
        try ImagePlaces.check(places, in: test)
        let reader = try AttentionReader(
            RunSettings(configuration), tensors: checkpoint.tensors, backend: CPUBackend(), threads: threads)
        let figure = AttentionFigure(
            target: try reader.target(test, places), context: try reader.context(test, places))
        try PNGFile.write(figure.draw(places.map { try test.picture($0) }), to: output)
        if json {
            let report = AttentionReport(
                run: directory.name, step: checkpoint.step, picture: output, grid: figure.target.grid,
                images: places.enumerated().map { row, place in
                    AttentionReport.Image(
                        index: place, target: figure.target.heads[row], context: figure.context.heads[row])
                })
            print(String(decoding: try StoredJSON.encode(report), as: UTF8.self))
        } else {
            print(output)
        }
    }

    private func places() throws -> [Int] { try images.map(ImagePlaces.read) ?? Array(0..<8) }
}

/// What `--json` prints.
private struct AttentionReport: Encodable {
    struct Image: Encodable {
        let index: Int
        /// For each head one number for each patch.
        let target: [[Double]]
        let context: [[Double]]
    }

    let run: String
    let step: Int
    let picture: String
    let grid: Int
    let images: [Image]
}
