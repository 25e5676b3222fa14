package import Datasets

/// Pictures of one main thing each, painted when they are asked for.
package struct SceneImages: ImageSource {
    package let count: Int
    package let fingerprint: Fingerprint
    private let composer: SceneComposer

    /// The version of what is composed and painted: another one where any pixel changes.
    static let version = 1

    /// - Parameters:
    ///   - sprites: Those of the split.
    ///   - isTest: Test pictures have a stream of their own.
    package init(_ sprites: Sprites, style: SceneStyle, seed: UInt64, isTest: Bool, count: Int) {
        precondition(count > 0, "no pictures")
        self.count = count
        composer = SceneComposer(
            sprites: sprites, style: style, seed: seed,
            stream: (isTest ? SceneStream.portraitsTest : .portraits).rawValue)
        var hash = Fingerprint()
        hash.add(
            "scenes \(Self.version) \(sprites.fingerprint) \(seed) \(isTest) \(count) \(style.height)×\(style.width) "
                + "\(style.objects) \(style.share) \(style.rotation) \(style.colours) \(style.texture) \(style.clutter)"
        )
        fingerprint = hash
    }

    package var channels: Int { 3 }
    private var size: ImageSize { ImageSize(height: composer.style.height, width: composer.style.width) }
    package var uniformSize: ImageSize? { size }

    /// Class of each picture's main thing, [count].
    package var labels: [Int32] {
        let classes = composer.sprites.classCount
        return (0..<count).map { Int32($0 % classes) }
    }

    package func makeReader() -> any ImageReader { Reader(self) }

    private final class Reader: ImageReader {
        private let images: SceneImages
        private var painter: ScenePainter
        private var painted = -1
        private var image = 0

        init(_ images: SceneImages) {
            self.images = images
            painter = ScenePainter(images.composer.sprites)
        }

        func open(_ image: Int) -> ImageSize {
            precondition(image >= 0 && image < images.count, "picture \(image) of \(images.count)")
            self.image = image
            return images.size
        }

        func withPixels(of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void) {
            if painted != image {
                painter.paint(images.composer.portrait(image))
                painted = image
            }
            let (width, pixels) = (images.size.width, painter.pixels)
            let layout = PixelLayout(
                height: region.height, width: region.width, channels: 3,
                start: 3 * (region.top * width + region.left), rowStride: 3 * width, columnStride: 3, channelStride: 1)
            body(pixels.span, layout)
        }
    }
}

/// What streams of random numbers pictures are composed from; a number must not change, and must not be used twice.
enum SceneStream: Int {
    case portraits = 0
    case portraitsTest = 1
    case imageNet = 10
    case imageNetValidation = 11
    case clevr = 20
    case clevrValidation = 21
    case ade20k = 30
    case ade20kValidation = 31
    case davis = 40
    case davisValidation = 41
    case coco = 50
    case cocoValidation = 51
}
