import Datasets
import Declarations

/// A data set of colour and grey pictures of different sizes that are drawn where they are asked for, as if they lay on
/// disk: none is in memory. Those to train on have no classes.
struct DrawnScenes: ImageCollection {
    static let name = "drawn_scenes"
    static let summary = "pictures of different sizes"
    static let keys = [
        DeclaredKey("scenes", default: 60, "Pictures to train on.", limits: .between(8, 10_000_000)),
        DeclaredKey("broken_scene", default: -1, "A picture that cannot be read; −1: none."),
        DeclaredKey("scene_classes", default: true, "Whether those to test have classes."),
    ]

    let count: Int
    let broken: Int
    let hasClasses: Bool

    init(_ settings: Settings) {
        (count, broken, hasClasses) = (settings["scenes"], settings["broken_scene"], settings["scene_classes"])
    }

    var isInMemory: Bool { false }
    func trainingImageCount() -> Int { count }

    func open() -> DatasetSplits {
        DatasetSplits(
            train: images(Source(first: 0, count: count, broken: broken), hasClasses: false),
            test: images(Source(first: 1000, count: 20, broken: broken), hasClasses: hasClasses),
            probe: images(Source(first: 2000, count: 40, broken: broken), hasClasses: hasClasses))
    }

    private func images(_ source: Source, hasClasses: Bool) -> ImageDataset {
        var dataset = ImageDataset(
            name: Self.name, source: source,
            labels: hasClasses ? (0..<source.count).map { Int32($0 % 2) } : nil, classCount: 2,
            normalization: Normalization(mean: [0.4, 0.4, 0.4], standardDeviation: [0.2, 0.2, 0.2]))
        dataset.view = EvaluationView(shortSide: 18)
        return dataset
    }

    private struct Source: ImageSource {
        let first: Int
        let count: Int
        let broken: Int
        let channels = 3
        let uniformSize: ImageSize? = nil

        var fingerprint: Fingerprint {
            var print = Fingerprint()
            print.add("\(first) \(count)")
            return print
        }

        func makeReader() -> any ImageReader { Reader(self) }
    }

    private final class Reader: ImageReader {
        private let source: Source
        private var number = 0
        private var pixels: [UInt8] = []

        init(_ source: Source) { self.source = source }

        private var size: ImageSize { ImageSize(height: 17 + number % 9, width: 20 + number % 6) }

        func open(_ image: Int) throws -> ImageSize {
            number = source.first + image
            if number == source.broken {
                throw DatasetError(place: "scene \(number)", problem: "cannot be drawn", remedy: "draw another")
            }
            return size
        }

        func withPixels(of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void) {
            let channels = number % 4 == 3 ? 1 : 3
            pixels.removeAll(keepingCapacity: true)
            for row in region.top..<region.top + region.height {
                for column in region.left..<region.left + region.width {
                    // Stripes along or across, by class.
                    let place = (number % 2 == 0 ? row : column) / 3 + number
                    for channel in 0..<channels { pixels.append(place % 2 == 0 ? UInt8(40 + 60 * channel) : 200) }
                }
            }
            let values = pixels
            body(values.span, .interleaved(height: region.height, width: region.width, channels: channels))
        }
    }
}
