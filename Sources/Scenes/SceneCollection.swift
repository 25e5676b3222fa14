package import Datasets
package import Declarations
import TensorCore

/// Pictures that the program composes of sprites, painted when they are asked for; the class is that of the main thing.
package struct SceneCollection: ImageCollection {
    package static let name = "scenes"
    package static let summary =
        "colour pictures that the program paints of Fashion-MNIST's images as it needs them, in ten classes"
    package static let keys = [
        DataKeys.folder,
        DeclaredKey(
            "sprites", default: SpriteSplits.Origin.fashionMNIST.rawValue,
            "What scenes are composed of: Fashion-MNIST of Debian's package, or of data.folder; or the sample of it that is "
                + "part of the repository.", choices: SpriteSplits.Origin.allCases.map(\.rawValue),
            synonyms: "objects source"),
        DeclaredKey(
            "scene_size", default: 32, "Side of the scenes, pixels.", limits: .between(16, 512),
            synonyms: "resolution height width"),
        DeclaredKey(
            "scene_objects", default: [1, 1],
            "Smallest and largest number of things in a scene. The main one is the largest and before all others.",
            limits: .between(1, 32), count: 2...2, synonyms: "count sprites"),
        DeclaredKey(
            "scene_share", default: [0.55, 0.95], "How large the main thing is: least and largest share of the side.",
            limits: .between(0.1, 1), count: 2...2, synonyms: "scale object size"),
        DeclaredKey(
            "scene_rotation", default: 20.0, "Things are turned by up to so many degrees, either way.",
            limits: .between(0, 180), synonyms: "angle turn orientation"),
        DeclaredKey(
            "scene_colours", default: SceneStyle.Colours.grey.rawValue,
            "grey: light things on dark ground; muted: the same, faintly coloured; vivid: things and ground of any colour; "
                + "named: things in one of eight colours on grey ground.",
            choices: SceneStyle.Colours.allCases.map(\.rawValue), synonyms: "colors tint palette"),
        DeclaredKey(
            "scene_texture", default: 30.0, "Standard deviation of the ground within a scene, levels of 0…255.",
            limits: .between(0, 100), synonyms: "background noise busy"),
        DeclaredKey(
            "scene_clutter", default: 0, "Number of plain shapes on the ground, which belong to no class.",
            limits: .between(0, 100), synonyms: "distractors"),
        DeclaredKey(
            "scene_images", default: 50_000, "Number of scenes to train on.", limits: .between(10, 1e9),
            synonyms: "count size length"),
        DeclaredKey(
            "scene_test_images", default: 10_000, "Number of scenes to test on.", limits: .between(10, 1e9),
            synonyms: "count size length"),
        DeclaredKey(
            "scene_seed", default: 0, "Seed of the scenes, the same for all seeds of a run.", limits: .notNegative,
            synonyms: "random"),
    ]

    private let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    private var folder: String? { settings[DataKeys.folder.name] }
    private var origin: SpriteSplits.Origin { SpriteSplits.Origin(rawValue: settings["sprites"]) ?? .fashionMNIST }
    private var side: Int { settings["scene_size"] }
    private var objects: [Int] { settings["scene_objects"] }
    private var share: [Double] { settings["scene_share"] }
    private var style: SceneStyle {
        // A range that is the wrong way round is a finding, and nothing is painted then; but no value must trap.
        SceneStyle(
            height: side, width: side, objects: min(objects[0], objects[1])...max(objects[0], objects[1]),
            share: min(share[0], share[1])...max(share[0], share[1]), rotation: settings["scene_rotation"],
            colours: SceneStyle.Colours(rawValue: settings["scene_colours"]) ?? .grey,
            texture: settings["scene_texture"], clutter: settings["scene_clutter"])
    }

    package var findings: [SpecFinding] {
        [("data.scene_objects", objects.map(Double.init)), ("data.scene_share", share)]
            .filter { !($0.1[0] <= $0.1[1]) }.map { SpecFinding.reversed($0.0, $0.1) }
    }

    package var knownSizes: SplitSizes? {
        SplitSizes(train: settings["scene_images"], test: settings["scene_test_images"])
    }
    package var knownGeometry: ImageGeometry? { ImageGeometry(channels: 3, height: side, width: side) }
    package var classNames: [String]? { spriteCollection.classNames }
    package var isInMemory: Bool { false }

    private var spriteCollection: any ImageCollection { origin.collection(folder: folder, from: ".") }

    package func resolvedFolder(specFolder: String) -> String? {
        origin.collection(folder: folder, from: specFolder).resolvedFolder(specFolder: specFolder)
    }
    package var requiredPaths: [RequiredPath] {
        guard folder != nil else { return [] }
        return spriteCollection.requiredPaths.map { RequiredPath(key: DataKeys.folder.name, path: $0.path) }
    }
    package var remedyForMissingFiles: String {
        origin == .sample
            ? spriteCollection.remedyForMissingFiles
            : "\(spriteCollection.remedyForMissingFiles), or set data.sprites: sample"
    }

    package func trainingImageCount() throws -> Int { settings["scene_images"] }

    package func open() throws -> DatasetSplits {
        let sprites = try SpriteSplits(origin, folder: folder)
        let seed = UInt64(settings["scene_seed"] as Int)
        let train = SceneImages(
            sprites.train, style: style, seed: seed, isTest: false, count: settings["scene_images"])
        let test = SceneImages(
            sprites.test, style: style, seed: seed, isTest: true, count: settings["scene_test_images"])
        let normalization = Self.normalization(of: train)
        func images(_ source: SceneImages, _ sprites: Sprites) -> ImageDataset {
            ImageDataset(
                name: Self.name, source: source, labels: source.labels, classCount: sprites.classCount,
                classNames: sprites.classNames, normalization: normalization)
        }
        return DatasetSplits(train: images(train, sprites.train), test: images(test, sprites.test))
    }

    /// As many of the first training images are counted for the normalisation.
    private static let countedImages = 1000

    private static func normalization(of images: SceneImages) -> Normalization {
        let reader = images.makeReader()
        var histograms = [[Int]](repeating: Array(repeating: 0, count: 256), count: images.channels)
        for image in 0..<min(countedImages, images.count) {
            guard let size = try? reader.open(image) else { continue }
            try? reader.withPixels(of: CropRegion(of: size), reduction: 1) { pixels, layout in
                for place in stride(from: 0, to: layout.channels * size.height * size.width, by: layout.channels) {
                    for channel in 0..<layout.channels { histograms[channel][Int(pixels[place + channel])] += 1 }
                }
            }
        }
        return Normalization(histograms: histograms)
    }
}
