import Datasets
import ExperimentSpec
import Orchestration

/// What `data pack` has written.
struct DataPackReport: Encodable {
    struct Split: Encodable {
        let name: String
        let images: Int
    }

    let files: [String]
    let bytes: Int
    let splits: [Split]
    /// Absent where classes are numbers, or there are none.
    let classes: Int?
    let encoding: String
    let quality: Int?
    /// Absent where images keep their size.
    let shortSide: Int?
    let interpolation: String
    /// Over the contents of all images and their classes; the same for any number of files.
    let fingerprint: String
    /// Images that an interrupted call had packed.
    let resumedImages: Int
    let seconds: Double
    let imagesPerSecond: Double

    init(_ pack: Pack, resumed: Int, seconds: Double) {
        files = pack.paths
        bytes = pack.bytes
        splits = pack.splitNames.map { Split(name: $0, images: pack.split($0)?.count ?? 0) }
        classes = pack.classNames?.count
        (encoding, quality) = (pack.settings.encoding.rawValue, pack.settings.quality)
        (shortSide, interpolation) = (pack.settings.shortSide, pack.settings.interpolation)
        fingerprint = pack.fingerprint.text
        resumedImages = resumed
        self.seconds = seconds
        imagesPerSecond = Double(splits.reduce(0) { $0 + $1.images } - resumed) / max(seconds, 1e-9)
    }

    var text: String {
        let images = splits.map { "\($0.name) \(counted($0.images, "image"))" }.joined(separator: ", ")
        let made =
            encoding + (quality.map { " of quality \($0)" } ?? "")
            + (shortSide.map { ", short side at most \($0)" } ?? ", at their size")
        let place = files.count == 1 ? files[0] : "\(files[0]) … \(files[files.count - 1])"
        return "\(place): \(images)\n\(made); \(Quantity.bytes(bytes)); fingerprint \(fingerprint)"
            + (resumedImages > 0 ? "\n\(counted(resumedImages, "image")) had been packed before" : "")
    }
}
