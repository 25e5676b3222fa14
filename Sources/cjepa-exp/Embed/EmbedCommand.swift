import Analysis
import ArgumentParser
import CPUKernels
import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import RunStore
import Safetensors
import Training

/// `cjepa-exp embed`: features of any images by any encoder, in a file that other programs read.
struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed", abstract: "Compute features of any images, and write them for other programs.",
        discussion: """
            Images of a spec, a folder or a pack go through an encoder one after the other; memory does not grow with \
            their number. Started again after it was interrupted, the command goes on, and the file is the same to the \
            byte; it does not depend on the number of threads.
            """)

    @Argument(
        help: ArgumentHelp(
            "A run, a checkpoint in a run's folder, or a file or folder of weights of another program.",
            valueName: "weights|run"),
        completion: ShellCompletion.run)
    var source: String

    @Option(
        help: ArgumentHelp(
            "The images: a spec, a folder of images, or a pack. (default: the run's own data)",
            valueName: "spec|folder"),
        completion: .file())
    var data: String?

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var output: String

    @Option(
        help: ArgumentHelp(
            "Which images: train or test. (default: test; all of a folder without splits)", valueName: "split"))
    var split: EmbeddingSet.Split?

    @Option(
        help: ArgumentHelp("Block whose output is taken: last, or its number from 1. (default: last)", valueName: "k"))
    var layer: String?

    @Option(help: "mean over patches; all patches; or means of the last four blocks, concatenated.")
    var pool = EmbedPool.mean

    @Option(help: "h5, npz, npy, parquet or safetensors. (default: by the name of the file)")
    var format: FeatureFileFormat?

    @Option(help: "Numbers of the features; float16 and bfloat16 are rounded to nearest.")
    var dtype = FeatureNumber.float32

    @Option(help: "Encoder of a run, or of weights that have two: target or context. (default: target)")
    var encoder: EncoderChoice?

    @OptionGroup var hints: WeightHints

    @Option(
        help: ArgumentHelp(
            "Of weights: side of the images that are encoded. (default: that of the training)", valueName: "pixels"))
    var imageSize: Int?

    @Option(help: "Arithmetic of the encoder: float32, bf16, auto. (default: the run's, or float32)")
    var precision: TrainingConfiguration.Precision?

    @Option(help: "Of a spec: the arm whose images are meant. (default: the baseline)")
    var arm: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a key of the spec of --data; may be repeated.", valueName: "key.path=value"),
        completion: ShellCompletion.setting)
    var overrides: [String] = []

    @Option(help: ArgumentHelp("Of a folder: means of the channels, 0…1.", valueName: "m,…"))
    var mean: String?

    @Option(help: ArgumentHelp("Of a folder: standard deviations of the channels, 0…1.", valueName: "s,…"))
    var std: String?

    @Option(
        help: ArgumentHelp(
            "Of a folder: length that the short side is resized to before the centre is cut out.", valueName: "pixels"))
    var shortSide: Int?

    @Option(help: "Of a folder: bilinear or bicubic, as Pillow resizes. (default: the run's)")
    var interpolation: Interpolation?

    @Option(help: "Folder that holds the results.", completion: .directory)
    var results = "results"

    @Option(help: "Folder with the run's data, if it has moved since the run was planned.", completion: .directory)
    var dataFolder: String?

    @Option(help: ArgumentHelp("Threads; the file does not depend on it. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Replace what is there.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        try OptionBounds.check(shortSide, "--short-side", in: 1...65_536)
        try OptionBounds.check(imageSize, "--image-size", in: 1...8192)
        let wanted = try chosenOutput()
        guard let format = try chosenFormat() else {
            throw ValidationError(
                "The name of \(output) tells no format; say one by --format: \(Self.formats).")
        }
        let axes = if case .patches = wanted { 2 } else { 1 }
        if let objection = format.objection(toNumber: dtype, axes: axes) {
            throw ValidationError("--format \(format.rawValue): \(objection).")
        }
        guard (mean == nil) == (std == nil) else { throw ValidationError("Give --mean and --std together.") }
        _ = try givenNormalization()
    }

    func run() throws {
        guard let format = try chosenFormat() else { return }
        let wanted = try chosenOutput()
        Console.begin("reading \(source)")
        let source = try EncoderSource(
            source, encoder: encoder, hints: EncoderSource.Hints(weights: hints.hints(), imageSize: imageSize),
            results: results)
        try checkLayer(wanted, depth: source.weights.depth)
        let given = try givenNormalization()
        if let given, given.converted(toChannels: source.weights.channels) == nil {
            throw UnusableInput(
                place: "--mean", problem: "has \(given.mean.count) numbers for \(source.weights.channels) channels",
                remedy: "give one number for each channel, 1 or 3")
        }
        Console.begin("finding the images of \(data ?? source.name)")
        let chosen = try EmbeddedImages(
            EmbeddedImages.Choice(
                place: data, arm: arm, overrides: overrides, dataFolder: dataFolder, split: split?.rawValue,
                normalization: given, shortSide: shortSide, interpolation: interpolation), for: source)
        let work = EmbedWork(
            source: source, images: chosen, output: wanted, number: dtype, layer: layer ?? "last", pool: pool.rawValue,
            isBF16: usesBF16(precision ?? source.precision))
        let file = try FeatureOutput(work.table(), as: format, to: output)
        if !force, let first = file.existing.first {
            throw UnusableInput(
                place: first, problem: "exists already", remedy: "give another name, or --force to replace it")
        }
        try checkSpace(file)
        let threads = threads ?? Machine.cores
        let start = ContinuousClock.now
        let outcome = try work.run(into: file, threads: threads)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if outcome.nonFinite > 0 {
            Console.note(
                "warning: \(output): \(counted(outcome.nonFinite, "number")) of \(file.table.rows * file.table.width) "
                    + (dtype == .float16 ? "are not finite, or too large for float16" : "are not finite"))
        }
        let report = EmbedReport(
            files: outcome.files, format: format.rawValue, dtype: dtype.rawValue,
            shape: [file.table.rows] + file.table.shape, images: file.table.rows, bytes: file.byteCount,
            origin: Dictionary(file.table.origin.map { ($0.key, $0.value) }) { first, _ in first },
            resumedImages: outcome.resumed, nonFinite: outcome.nonFinite, threads: threads, seconds: seconds,
            imagesPerSecond: Double(file.table.rows - outcome.resumed) / max(seconds, 1e-9))
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }

    // MARK: Options

    private static var formats: String { FeatureFileFormat.allCases.map(\.rawValue).joined(separator: ", ") }

    /// As given, else by the name of the file.
    private func chosenFormat() throws -> FeatureFileFormat? {
        if let format { return format }
        let name = (output as NSString).pathExtension.lowercased()
        return FeatureFileFormat(rawValue: name == "hdf5" ? "h5" : name)
    }

    private func chosenOutput() throws -> EncoderOutput {
        var number: Int?
        if let layer, layer != "last" {
            guard let given = Int(layer), given >= 1 else {
                throw ValidationError("--layer takes \"last\" or the number of a block from 1, not \"\(layer)\".")
            }
            number = given
        }
        switch pool {
        case .mean: return .mean(layer: number)
        case .patches: return .patches(layer: number)
        case .last4:
            guard layer == nil else { throw ValidationError("--layer does not apply to --pool last4.") }
            return .lastFour
        }
    }

    private func checkLayer(_ output: EncoderOutput, depth: Int) throws {
        guard case .mean(let number?) = output else {
            guard case .patches(let number?) = output else { return }
            return try checkLayer(.mean(layer: number), depth: depth)
        }
        guard number <= depth else {
            throw UnusableInput(
                place: "--layer", problem: "is \(number), but the encoder has \(counted(depth, "block"))",
                remedy: "give last, or a number from 1 to \(depth)")
        }
    }

    private func givenNormalization() throws -> Normalization? {
        guard let mean, let std else { return nil }
        func numbers(_ text: String, _ name: String, isPositive: Bool) throws -> [Double] {
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
            let values = parts.compactMap(\.self).filter { $0.isFinite && (!isPositive || $0 > 0) }
            guard values.count == parts.count, [1, 3].contains(values.count) else {
                throw ValidationError(
                    "\(name) takes one number for each channel, 1 or 3\(isPositive ? ", above 0" : ""), not \"\(text)\"."
                )
            }
            return values
        }
        let (means, deviations) = (
            try numbers(mean, "--mean", isPositive: false), try numbers(std, "--std", isPositive: true)
        )
        guard means.count == deviations.count else {
            throw ValidationError("--mean and --std must have equally many numbers.")
        }
        return Normalization(mean: means, standardDeviation: deviations)
    }

    private func usesBF16(_ precision: TrainingConfiguration.Precision) -> Bool {
        precision == .bf16 || (precision == .auto && CPUBackend.multipliesBF16)
    }

    /// - Throws: `UnusableInput` where the disk is too small for what is still to be written, or there is no folder.
    private func checkSpace(_ file: FeatureOutput) throws {
        let missing = max(0, file.byteCount - file.bytesWritten)
        let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw UnusableInput(place: folder, problem: "is no folder", remedy: "make it first, or give another place")
        }
        guard let free = Machine.freeDiskBytes(at: folder) else { return }
        guard missing <= free else {
            throw UnusableInput(
                place: output,
                problem:
                    "will take \(Quantity.bytes(file.byteCount)), \(Quantity.bytes(missing)) of which are still to be "
                    + "written, but \(Quantity.bytes(free)) are free in \(folder)",
                remedy: "free space, write to another disk, or choose --dtype float16 or another --pool")
        }
        Console.note(
            "\(output): \(Quantity.bytes(file.byteCount)) for \(counted(file.table.rows, "image"));"
                + " \(Quantity.bytes(free)) are free")
    }
}

/// What of a block's output is stored.
enum EmbedPool: String, CaseIterable, ExpressibleByArgument {
    case mean, patches, last4
}

extension FeatureFileFormat: ExpressibleByArgument {
    /// "hdf5", as `export` calls it, too.
    package init?(argument: String) {
        self.init(rawValue: argument == "hdf5" ? "h5" : argument)
    }
}

extension FeatureNumber: ExpressibleByArgument {}
