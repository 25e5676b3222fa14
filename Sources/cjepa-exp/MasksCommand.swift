import ArgumentParser
import Datasets
import ExperimentSpec
import Pictures
import Training

/// Shows sampled masks on the images that training sees.
struct MasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "masks", abstract: "Draw sampled masks on real images, and print their statistics.")

    @Argument(help: ArgumentHelp("The experiment's spec.", valueName: "spec"), completion: ShellCompletion.spec)
    var specPath: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Write a picture to this PNG file.", valueName: "png"))
    var output: String?

    @Option(help: "The arm whose masks are drawn. (default: the baseline)")
    var arm: String?

    @Option(help: "The training step to show.")
    var step = 0

    @Option(help: "Number of images to show.")
    var rows = 8

    @Option(help: "Number of batches for the statistics.")
    var batches = 200

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a key of the spec; may be repeated.", valueName: "key.path=value"),
        completion: ShellCompletion.setting)
    var overrides: [String] = []

    @Flag(help: "Print the statistics as JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(step, "--step", in: OptionBounds.steps)
        try OptionBounds.check(rows, "--rows", in: OptionBounds.rows)
        try OptionBounds.check(batches, "--batches", in: OptionBounds.repetitions)
    }

    func run() throws {
        let experiment = try loadSpec(specPath, overrides: overrides)
        let run = try experiment.run(ofArm: arm, spec: specPath)
        let dataset = try DatasetSplits.load(run.configuration)
            .limited(train: run.configuration.data.trainSubset, test: nil).train
        let report = try MasksReport(
            run.configuration, dataset: dataset, step: step, rows: rows, batches: batches)
        if let output { try PNGFile.write(report.figure(), to: output) }
        if json {
            print(try report.json(experiment: experiment.name, arm: run.arm, picture: output))
        } else {
            print("\(experiment.name), arm \(run.arm)\n\n\(report.text)")
            if let output { print("\npicture of step \(step): \(output)") }
        }
    }
}
