import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp data pack`: resized images in one file.
struct DataPackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack", abstract: "Resize all images once, and pack them into one file that is read fast.",
        discussion: """
            Specs read the file with data.dataset: pack. Images keep their classes, splits and the names of their \
            files. Started again after it was interrupted, the command goes on, and the file is the same to the byte. \
            Images whose short side is smaller are not enlarged.
            """)

    @OptionGroup var images: DataOptions

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file(extensions: ["pack"]))
    var output: String

    @Option(help: ArgumentHelp("Length that the short side is resized to. (default: 256)", valueName: "pixels"))
    var shortSide: Int?

    @Flag(help: "Keep images at their size.")
    var fullSize = false

    @Option(help: "jpeg: about a tenth of the space; raw: pixels, which need no decoding.")
    var encoding = PackEncoding.jpeg

    @Option(help: ArgumentHelp("jpeg: quality, 1 to 100. (default: 90)", valueName: "n"))
    var quality: Int?

    @Option(help: "jpeg: half or full resolution of colour. (default: half)")
    var chroma: PackSettings.Chroma?

    @Option(help: "How images are resized, as Pillow does.")
    var interpolation = Interpolation.bilinear

    @Option(
        help: ArgumentHelp(
            "Files to write, for several disks or machines: NAME-000-of-004.pack and so on.", valueName: "n"))
    var shards = 1

    @Option(help: ArgumentHelp("Threads; the file does not depend on it. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Overwrite what is there.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        try OptionBounds.check(shortSide, "--short-side", in: 1...65_500)
        try OptionBounds.check(quality, "--quality", in: 1...100)
        try OptionBounds.check(shards, "--shards", in: 1...256)
        if fullSize, shortSide != nil { throw ValidationError("--full-size and --short-side exclude each other.") }
        if encoding == .raw, let name = quality != nil ? "--quality" : chroma != nil ? "--chroma" : nil {
            throw ValidationError("\(name) applies only to --encoding jpeg.")
        }
    }

    func run() throws {
        Console.begin("finding the images of \(images.place)")
        let data = try images.open()
        let settings = PackSettings(
            encoding: encoding, quality: quality ?? 90, chroma: chroma ?? .half,
            shortSide: fullSize ? nil : shortSide ?? 256, interpolation: interpolation)
        let paths = PackNames.shards(of: output, count: shards)
        let job = try PackJob(
            PackNames.splits(of: data), classNames: data.classNames, settings: settings, paths: paths)
        let existing = force ? [] : job.existing
        if let first = existing.first {
            throw UnusableInput(
                place: first, problem: "exists already",
                remedy: "give another name, or --force to make it anew")
        }
        try checkSpace(job)
        let start = ContinuousClock.now
        Console.beginRated("packing \(data.place)", of: job.count)
        let outcome = try job.run(threads: threads ?? Machine.cores, replaces: force) {
            Console.activity.advance(by: $0)
        }
        for path in outcome.startedOver {
            Console.note("\(path): what was there of it was of other images or settings, and was made anew")
        }
        Console.begin("checking the index of \(paths[0])")
        let report = try DataPackReport(
            Pack(paths, choice: "--output"), resumed: outcome.resumed,
            seconds: (ContinuousClock.now - start) / .seconds(1))
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }

    /// - Throws: `UnusableInput` where the disk is too small for what is still to be written.
    private func checkSpace(_ job: PackJob) throws {
        Console.begin("predicting the size of \(output)")
        let predicted = try job.predictedBytes()
        let missing = max(0, predicted - job.bytesWritten)
        let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw UnusableInput(place: folder, problem: "is no folder", remedy: "make it first, or give another place")
        }
        guard let free = Machine.freeDiskBytes(at: folder) else { return }
        guard missing <= free else {
            throw UnusableInput(
                place: output,
                problem: "would take about \(Quantity.bytes(predicted)), \(Quantity.bytes(missing)) of which are still "
                    + "to be written, but \(Quantity.bytes(free)) are free in \(folder)",
                remedy: "free space, write to another disk, or choose "
                    + (encoding == .raw ? "--encoding jpeg" : "a lower --quality") + " or a smaller --short-side")
        }
        Console.note(
            "\(output): about \(Quantity.bytes(predicted)) for \(counted(job.count, "image"));"
                + " \(Quantity.bytes(free)) are free")
    }
}

/// What a pack calls what it is made of.
enum PackNames {
    /// The file; several are numbered: photos-000-of-004.pack.
    static func shards(of output: String, count: Int) -> [String] {
        guard count > 1 else { return [output] }
        let url = URL(fileURLWithPath: output)
        let (stem, kind) = (url.deletingPathExtension().lastPathComponent, url.pathExtension)
        let folder = output.hasSuffix(url.lastPathComponent) ? String(output.dropLast(url.lastPathComponent.count)) : ""
        func digits(_ number: Int) -> String { String(format: "%03d", number) }
        return (0..<count).map {
            folder + "\(stem)-\(digits($0))-of-\(digits(count))" + (kind.isEmpty ? "" : "." + kind)
        }
    }

    /// All files of the pack that one of them belongs to: those beside it whose names differ in the number.
    static func shards(besides path: String) -> [String] {
        let url = URL(fileURLWithPath: path)
        guard let match = url.lastPathComponent.wholeMatch(of: /(.*)-\d{3}-of-(\d{3})(\..*)?/),
            let count = Int(match.2), count > 1
        else { return [path] }
        let folder = path.dropLast(url.lastPathComponent.count)
        return shards(of: "\(folder)\(match.1)\(match.3 ?? "")", count: count)
    }

    /// train, test and probe; of a folder's splits the test images are those of `test`, else those that come first behind the
    /// training images, as `image_folder` chooses.
    static func splits(of data: DataImages) -> [PackJob.Split] {
        guard let train = data.splits.first else { return [] }
        let others = data.splits.dropFirst()
        let test = others.first { $0.name == "test" } ?? others.first { $0.name != "probe" }
        var chosen = [("train", train)]
        if let test { chosen.append(("test", test)) }
        if let probe = others.first(where: { $0.name == "probe" }) { chosen.append(("probe", probe)) }
        return chosen.map { (name: String, split: DataImages.Split) -> PackJob.Split in
            var label: (@Sendable (Int) -> String)?
            if split.images.count > 0, split.images.name(of: 0) != nil { label = { split.label(of: $0) } }
            return PackJob.Split(name: name, images: split.images, label: label)
        }
    }
}

extension PackEncoding: ExpressibleByArgument {}
extension PackSettings.Chroma: ExpressibleByArgument {}
