import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import Pictures
import RunStore

/// `cjepa-exp data sample`: a contact sheet.
struct DataSampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Draw a contact sheet of images with their classes.")

    @OptionGroup var source: DataOptions

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The PNG file to write.", valueName: "png"),
        completion: .file(extensions: ["png"]))
    var output: String

    @Option(help: "Number of images, of the classes in turn.")
    var images = 64

    @Option(help: "Seed of the choice, and of the crops.")
    var seed: UInt64 = 0

    @Option(help: "Split to show: train, val, test and so on. (default: the first)")
    var split: String?

    @Flag(help: "Random crops, as training sees the images; else what evaluations see.")
    var crops = false

    @Option(
        help: ArgumentHelp(
            "Side of what is shown. (default: model.image_size of a spec, else \(DataImages.defaultSide))",
            valueName: "pixels"))
    var size: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try OptionBounds.check(images, "--images", in: 1...4096)
        try OptionBounds.check(size, "--size", in: 1...1024)
    }

    /// Of all images of a sheet together.
    private static let mostPixels = 1 << 26

    private struct Report: Encodable {
        struct Image: Encodable {
            let image: String
            let label: String?
        }

        let place: String
        let split: String
        let picture: String
        let images: [Image]
    }

    func run() throws {
        Console.begin("drawing images of \(source.place)")
        let data = try source.open()
        guard let chosen = split.map({ name in data.splits.first { $0.name == name } }) ?? data.splits.first else {
            throw UnusableInput(
                place: source.place, problem: "there is no split \(split ?? "")",
                remedy: "the splits are \(data.splits.map(\.name).joined(separator: ", "))")
        }
        let side = size ?? data.imageSize ?? DataImages.defaultSide
        guard side * side <= Self.mostPixels / min(images, max(1, chosen.images.count)) else {
            throw UnusableInput(
                place: "--images", problem: "\(images) images of \(side)×\(side) pixels are too many for one sheet",
                remedy: "show fewer, or smaller ones (--size)")
        }
        let places = ContactSheet.choice(images, of: chosen.images, seed: seed)
        let sheet = try ContactSheet(
            chosen, data, places, side: side,
            crop: crops ? data.crop : nil, seed: seed)
        try PNGFile.write(sheet.draw(), to: output)
        if json {
            let report = Report(
                place: data.place, split: chosen.name, picture: output,
                images: sheet.cells.map { Report.Image(image: $0.name, label: $0.label) })
            print(String(decoding: try StoredJSON.encode(report), as: UTF8.self))
        } else {
            print("\(counted(places.count, "image")) of \(chosen.name): \(output)")
        }
    }
}
