import Analysis
import Datasets
import Foundation
import Safetensors

extension DataDecodeCommand {
    /// One image of a pack.
    func runOnPack(_ settings: ViewSettings) throws {
        guard Pack.isPack(file) else {
            throw UnusableInput(
                place: file, problem: "is no pack, to which --image applies", remedy: "leave --image out")
        }
        guard let image else {
            throw UnusableInput(
                place: file, problem: "is a pack of many images",
                remedy: "name one: --image train:0, or --image with the name of its file")
        }
        let pack = try Pack(PackNames.shards(besides: file), choice: file)
        let (split, number) = try find(image, in: pack)
        let source = PackedImages(split, channels: settings.channels, isFast: settings.isFast)
        let size = split.size(of: number)
        let shape: [Int]
        let data: Data
        var region: CropRegion?
        if let view {
            let (values, seen) = try rendered(view, settings, of: source, image: number)
            (shape, region) = ([settings.channels, settings.side, settings.side], seen)
            data = NumPyFile.bytes(of: values, shape: shape)
        } else {
            let reader = source.makeReader()
            _ = try reader.open(number)
            var pixels: [UInt8] = []
            try reader.withPixels(of: CropRegion(of: size), reduction: 1) { values, layout in
                pixels = layout.gathered(values)
            }
            shape = [size.height, size.width, source.channels]
            data = NumPyFile.bytes(of: pixels, shape: shape)
        }
        try AtomicFile.write(data, to: output)
        try show(
            Report(
                file: split.fileName(of: number) ?? image, output: output, format: pack.encoding.rawValue,
                height: size.height, width: size.width, colourSpace: pack.channels == 1 ? "grey" : "RGB",
                orientation: 1,
                shape: shape, type: view == nil ? "uint8" : "float32",
                region: region.map { .init(top: $0.top, left: $0.left, height: $0.height, width: $0.width) }))
    }

    /// - Parameter image: A name, or split and number.
    private func find(_ image: String, in pack: Pack) throws -> (split: PackSplit, number: Int) {
        let splits = pack.splitNames.compactMap(pack.split)
        for split in splits {
            if image.hasPrefix(split.name + ":"), let number = Int(image.dropFirst(split.name.count + 1)) {
                guard number >= 0, number < split.count else {
                    throw UnusableInput(
                        place: file, problem: "there is no image \(number) in \(split.name)",
                        remedy: "give a number of 0…\(split.count - 1)")
                }
                return (split, number)
            }
        }
        for split in splits {
            let number = (0..<split.count).first { split.fileName(of: $0) == image }
            if let number { return (split, number) }
        }
        throw UnusableInput(
            place: file, problem: "has no image \(image)",
            remedy: "the first is \(splits.first?.fileName(of: 0) ?? "train:0")")
    }
}
