package import Declarations
import Foundation

/// Images that `cjepa-exp data pack` has put into one file, or a few.
package struct PackedCollection: ImageCollection {
    package static let name = "pack"
    package static let summary = "images of any data set, resized and packed into one file by `cjepa-exp data pack`"
    package static let keys =
        [
            DataKeys.folder,
            DeclaredKey(
                "files", default: ["*.pack"],
                "Files of the pack in data.folder, or anywhere by their whole paths. Braces and globs stand for several; "
                    + "their order does not matter.", synonyms: "file pack packs shards beton"),
        ] + [
            DataKeys.normalization, DataKeys.mean, DataKeys.standardDeviation, DataKeys.decode, DataKeys.viewShortSide,
            DataKeys.interpolation,
        ]

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package var isInMemory: Bool { false }
    package let remedyForMissingFiles = "set data.folder, and data.files to the names of the pack's files in it"

    private var folder: String? { settings["folder"] }
    private var patterns: [String] { settings["files"] }

    package func resolvedFolder(specFolder: String) -> String? {
        folder.map { URL(fileURLWithPath: $0, relativeTo: URL(fileURLWithPath: specFolder)).standardizedFileURL.path }
    }

    package var requiredPaths: [RequiredPath] {
        guard let folder else { return [] }
        return patterns.filter { !$0.contains { "*?[{".contains($0) } }
            .map { RequiredPath(key: "files", path: ImageIndex.join(folder, $0)) }
    }

    private func pack() throws -> Pack {
        guard let folder else {
            throw DatasetError(place: "data.folder", problem: "is not set", remedy: remedyForMissingFiles)
        }
        return try Pack(try ShardNames.expand(patterns, in: folder, remedy: remedyForMissingFiles))
    }

    package func trainingImageCount() throws -> Int { try split("train", of: pack()).count }

    private func split(_ name: String, of pack: Pack) throws -> PackSplit {
        guard let split = pack.split(name), split.count > 0 else {
            throw DatasetError(
                place: pack.paths[0],
                problem: "has no \(name == "train" ? "training" : "test") images, but "
                    + pack.splitNames.joined(separator: ", "),
                remedy: "pack a data set that has training and test images")
        }
        return split
    }

    package func open() throws -> DatasetSplits { try open(for: ModelInput(channels: 3, imageSize: 224)) }

    package func open(for input: ModelInput) throws -> DatasetSplits {
        let pack = try pack()
        let shown = EncodedSettings(settings)
        func dataset(_ split: PackSplit) throws -> ImageDataset {
            guard split.count <= Int32.max else {
                throw DatasetError(
                    place: pack.paths[0], problem: "has more than \(Int32.max) images", remedy: "use fewer images")
            }
            let source = PackedImages(
                split, channels: input.channels == 1 ? 1 : 3, isFast: settings["decode"] == "fast")
            return ImageDataset(
                name: Self.name, source: source, labels: split.labels.contains { $0 >= 0 } ? split.labels : nil,
                classCount: max(1, pack.classCount), classNames: pack.classNames,
                normalization: .imagenet(channels: source.channels))
        }
        var splits = DatasetSplits(
            train: try dataset(split("train", of: pack)), test: try dataset(split("test", of: pack)))
        try splits.checkTestCount(place: pack.paths[0])
        splits.probe = try pack.split("probe").map(dataset)
        let normalization = try shown.normalization(of: splits.train, input)
        let view = shown.view(imageSize: input.imageSize)
        for key in [\DatasetSplits.train, \DatasetSplits.test] {
            splits[keyPath: key].normalization = normalization
            splits[keyPath: key].view = view
        }
        splits.probe?.normalization = normalization
        splits.probe?.view = view
        return splits.shown(inChannels: input.channels)
    }
}
