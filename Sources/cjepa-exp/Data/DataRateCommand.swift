import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp data rate`: how many images a second the loader gives.
struct DataRateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Measure how fast training images are read, cropped and normalised.",
        discussion: """
            The loader of training makes batches of random crops, and nothing is done with them: what a training run gets \
            at most. One pass over a few batches comes first, so that files are in the system's cache if they fit.
            """)

    @OptionGroup var images: DataOptions

    @Option(help: ArgumentHelp("Loader threads. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Side of the crops. (default: the spec's, or 224)", valueName: "pixels"))
    var size: Int?

    @Option(help: ArgumentHelp("Images in a batch.", valueName: "n"))
    var batch = 64

    @Option(help: "Seconds for which batches are counted.")
    var seconds = 5.0

    @Option(help: "Counts, one after the other; the median is told.")
    var repeats = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        try OptionBounds.check(size, "--size", in: 1...8192)
        try OptionBounds.check(batch, "--batch", in: 1...65_536)
        try OptionBounds.check(repeats, "--repeats", in: 1...1000)
        try OptionBounds.check(seconds: seconds, "--seconds")
    }

    private struct Report: Encodable {
        let place: String
        let images: Int
        let size: Int
        let batch: Int
        let threads: Int
        /// The median.
        let imagesPerSecond: Double
        let rates: [Double]
        /// Images for each second of processor time of all threads, which other work on the machine hardly changes: median.
        let imagesPerProcessorSecond: Double
        let processorRates: [Double]
    }

    /// Of all threads so far, seconds.
    private static var processorSeconds: Double {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return .nan }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    func run() throws {
        Console.begin("finding the images of \(images.place)")
        let data = try images.open()
        guard let images = data.splits.first?.images, images.count > 0 else {
            throw UnusableInput(place: data.place, problem: "has no training images", remedy: "give another data set")
        }
        let side = size ?? data.imageSize ?? DataImages.defaultSide
        let batch = min(batch, images.count)
        let threads = threads ?? Machine.cores
        let loader = try BatchLoader(
            dataset: images,
            settings: BatchLoaderSettings(
                batchSize: batch, imageSize: side, crop: data.crop, seed: 0, totalSteps: Int(Int32.max),
                threads: threads))
        defer { loader.stop() }
        Console.begin("measuring for \(Quantity.significant(seconds * Double(repeats))) s")
        func take() throws { loader.recycle(try loader.next()) }
        // What is ready before the clock starts has cost nothing.
        for _ in 0..<max(4, min(images.count, 2048) / batch) { try take() }
        var (rates, processorRates) = ([Double](), [Double]())
        for _ in 0..<repeats {
            let (start, used) = (ContinuousClock.now, Self.processorSeconds)
            var (count, elapsed) = (0, 0.0)
            while elapsed < seconds {
                try take()
                count += batch
                elapsed = (ContinuousClock.now - start) / .seconds(1)
            }
            rates.append(Double(count) / elapsed)
            processorRates.append(Double(count) / (Self.processorSeconds - used))
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let report = Report(
            place: data.place, images: images.count, size: side, batch: batch, threads: threads,
            imagesPerSecond: median(rates), rates: rates, imagesPerProcessorSecond: median(processorRates),
            processorRates: processorRates)
        if json { return print(String(decoding: try StoredJSON.encode(report), as: UTF8.self)) }
        print(
            "\(data.place): \(Quantity.significant(report.imagesPerSecond)) images/s of \(side)×\(side) with "
                + "\(counted(threads, "thread")) (\(rates.map(Quantity.significant).joined(separator: ", "))); "
                + "\(Quantity.significant(report.imagesPerProcessorSecond)) for a second of processor time")
    }
}
