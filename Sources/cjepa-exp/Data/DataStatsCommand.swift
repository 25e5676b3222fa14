import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp data stats`: how many images, how large, what colours.
struct DataStatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Count images, classes, sizes and formats; mean and deviation of the channels.")

    @OptionGroup var source: DataOptions

    @Option(
        help: ArgumentHelp(
            "Images of each split whose pixels are read, chosen by the seed. (default: all)", valueName: "n"))
    var images: Int?

    @Option(help: "Seed of the choice.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Threads. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(images, "--images", in: 1...Int(Int32.max))
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
    }

    func run() throws {
        Console.begin("finding the images of \(source.place)")
        let data = try source.open(keepsAll: true)
        let report = DataStatistics(
            place: data.place,
            splits: try data.splits.map {
                try SplitStatistics(
                    $0, data: data, chosen: images, seed: seed, threads: threads ?? Machine.cores)
            })
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
        // What is said holds for the images that can be read.
        if report.splits.contains(where: { $0.unreadable > 0 }) { throw ExitCode(ErrorReport.failure) }
    }
}
