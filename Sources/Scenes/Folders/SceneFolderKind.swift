import TensorCore

/// The data sets of the paper that are made in miniature.
package enum SceneFolderKind: String, Sendable, CaseIterable, Codable {
    case imagenet, clevr, ade20k, davis, coco

    /// The folder that a public reader is given.
    package var folder: String {
        switch self {
        case .imagenet: "imagenet"
        case .clevr: "CLEVR_v1.0"
        case .ade20k: "ADEChallengeData2016"
        case .davis: "DAVIS"
        case .coco: "coco"
        }
    }
}

/// What is made, and all that decides what the files are; what two folders have in common is equal, byte for byte.
package struct SceneFolderPlan: Sendable, Hashable, Codable {
    package var seed: UInt64
    /// Training images of each kind, and those to evaluate on.
    package var images: Int
    /// Short side of the images, pixels.
    package var size: Int
    package var kinds: [SceneFolderKind]
    package var colours: SceneStyle.Colours
    /// What the sprites come from, and what they are.
    package var sprites: String
    package var spritesFingerprint: String
    /// Of the painter.
    package var version: Int

    package static let sizes = 32...512
    package static let counts = 10...10_000_000

    package init(
        seed: UInt64, images: Int, size: Int, kinds: [SceneFolderKind], colours: SceneStyle.Colours,
        origin: SpriteSplits.Origin, sprites: SpriteSplits
    ) {
        self.seed = seed
        self.images = images
        self.size = size
        // In the order of the documentation, each once.
        self.kinds = SceneFolderKind.allCases.filter(kinds.contains)
        self.colours = colours
        self.sprites = origin.rawValue
        spritesFingerprint = "\(sprites.train.fingerprint) \(sprites.test.fingerprint)"
        version = SceneImages.version
    }

    /// A fifth as many to evaluate on.
    package var validationImages: Int { max(10, images / 5) }
}

extension SceneStyle.Colours: Codable {}

/// One half of a data set: images that are made alike, and the file that says what is in them.
protocol SceneFolderPart: Sendable {
    /// Pictures, or sequences of them.
    var count: Int { get }
    /// The files of an item, below the output folder.
    func files(of item: Int) -> [String]
    /// Makes an item.
    ///
    /// - Parameter painter: Of the thread; its sprites are those of this part.
    func make(_ item: Int, _ painter: inout ScenePainter) throws -> SceneFolderItem
    var sprites: Sprites { get }
    /// What is written once all items are there; none: nothing is.
    var index: SceneFolderIndex? { get }
    /// Files of text that do not depend on what is in the images, with their contents.
    var texts: [(path: String, text: String)] { get }
    /// Something to look at: a picture with what belongs to it.
    func preview(_ item: Int, _ painter: inout ScenePainter) throws -> ScenePreview
}

extension SceneFolderPart {
    var texts: [(path: String, text: String)] { [] }
    var index: SceneFolderIndex? { nil }
}

/// The files of an item in their order, and what the index says of it.
struct SceneFolderItem {
    var files: [[UInt8]]
    var record: [UInt8] = []
}

/// A file that is put together from what the items say, in their order.
struct SceneFolderIndex: Sendable {
    let path: String
    let head: String
    /// Between two records that are not empty.
    let separator: String
    let tail: String
}

/// A picture of a contact sheet.
package struct ScenePreview: Sendable {
    package let height: Int
    package let width: Int
    /// [height, width, 3].
    package let pixels: [UInt8]
    /// Colours of what each pixel shows, [height, width, 3]; none where the data set does not say.
    package let labels: [UInt8]?
    package let caption: String
}

/// Colours of labels: those of PASCAL VOC's and DAVIS's files, where bits of the number are spread over the channels.
enum LabelPalette {
    /// [256, 3].
    static let values: [UInt8] = (0..<256).flatMap { number -> [UInt8] in
        var colour: [UInt8] = [0, 0, 0]
        var rest = number
        for shift in stride(from: 7, through: 0, by: -1) {
            for channel in 0..<3 { colour[channel] |= UInt8((rest >> channel) & 1) << UInt8(shift) }
            rest >>= 3
        }
        return colour
    }

    /// [n, 3].
    static func colours(of labels: [UInt8]) -> [UInt8] {
        labels.flatMap { values[3 * Int($0)..<3 * Int($0) + 3] }
    }
}

extension String {
    /// "T-shirt/top" → "t-shirt", "Ankle boot" → "ankle-boot": a name of files.
    var asFileName: String {
        let word = lowercased().split(separator: "/").first.map(String.init) ?? ""
        let name = String(word.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        return name.isEmpty ? "class" : name
    }
}

/// Digits with zeros before them.
func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
