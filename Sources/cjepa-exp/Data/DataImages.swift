import Datasets
import Declarations
import ExperimentSpec
import Foundation
import ImageCodecs
import Orchestration
import Training

/// The images of a spec or of a folder, split by split, as the commands of `data` see them.
struct DataImages: Sendable {
    struct Split: Sendable {
        let name: String
        let images: ImageDataset
        /// What names of files are shown relative to.
        let root: String?

        /// Images that are encoded files, wherever their bytes are; none: pixels.
        var encoded: EncodedImages? { images.source as? EncodedImages }
        /// What the scan of a folder left out; none where the images are not from a folder.
        var notes: FolderNotes? { encoded?.files.notes }
    }

    /// The spec or the folder, as given.
    let place: String
    /// The training images first.
    let splits: [Split]
    /// Names of the classes 0, 1, … of all splits; none where there are only numbers, or no classes.
    let classNames: [String]?
    let crop: RandomResizedCrop?
    /// Side of what the network sees; none where no spec says so.
    let imageSize: Int?
    /// Whether runs leave out what cannot be read.
    private(set) var leavesOutUnreadable = false
    /// Why no run of the spec would work, apart from single images and classes.
    private(set) var complaints: [DatasetError] = []

    /// Normalised with ImageNet's numbers, seen at 256/224.
    static let defaultSide = 224
    static let defaultView = EvaluationView(shortSide: 256)
    /// Mean and deviation of each channel that torchvision's models are trained with.
    static let imageNet = Normalization(
        mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])

    /// - Parameter keepsAll: Whether what no run could use is there: images that cannot be read, classes that training lacks.
    init(_ configuration: RunConfiguration, spec: String, keepsAll: Bool = false) throws {
        leavesOutUnreadable = configuration.value(of: "data.on_unreadable") == .text("skip")
        var configuration = configuration
        // No pixel is looked at before it is asked for: whoever does, sees all that is wrong, and not the first.
        configuration.set("data.normalization", to: "imagenet")
        if keepsAll { configuration.set("data.on_unreadable", to: "fail") }
        let data = try DatasetSplits.load(configuration, toleratesMismatch: keepsAll, progress: Console.scanning)
        if keepsAll {
            complaints = [
                { try data.checkTestCount(place: configuration.dataPlace) },
                { try data.checkLabels(place: configuration.dataPlace) }, { try checkCounts(of: data, configuration) },
            ].compactMap { check in
                do { try check() } catch { return error as? DatasetError }
                return nil
            }
        }
        let named = [("train", data.train), ("test", data.test)] + (data.probe.map { [("probe", $0)] } ?? [])
        place = spec
        imageSize = configuration.model.imageSize
        crop = try RandomResizedCrop(scale: configuration.data.cropScale, aspect: configuration.data.cropAspect)
        classNames = data.train.classNames ?? data.test.classNames
        splits = named.map { name, images in
            Split(name: name, images: images, root: configuration.dataFolder)
        }
    }

    init(folder: String) throws {
        let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        let defaults = RunConfiguration().data
        place = folder
        imageSize = nil
        crop = try RandomResizedCrop(scale: defaults.cropScale, aspect: defaults.cropAspect)
        let found = try FolderTree(folder)
        classNames = found.classNames.isEmpty ? nil : found.classNames
        splits = found.splits.map { split in
            let files = EncodedImages(
                split.index, notes: split.notes, remedy: "restore the file, or remove it from the data set")
            var images = ImageDataset(
                name: split.name, source: files, labels: split.labels, classCount: found.classNames.count,
                classNames: found.classNames.isEmpty ? nil : found.classNames, normalization: Self.imageNet)
            images.view = Self.defaultView
            return Split(name: split.name, images: images, root: folder)
        }
    }

    /// - Parameter path: Of one file of a pack; the others are looked for beside it.
    init(pack path: String) throws {
        let pack = try Pack(PackNames.shards(besides: path), choice: path)
        place = path
        imageSize = nil
        let defaults = RunConfiguration().data
        crop = try RandomResizedCrop(scale: defaults.cropScale, aspect: defaults.cropAspect)
        classNames = pack.classNames
        splits = pack.splitNames.compactMap { pack.split($0) }.map { split in
            let source = PackedImages(split)
            let labels = split.labels.contains { $0 >= 0 } ? split.labels : nil
            var images = ImageDataset(
                name: split.name, source: source, labels: labels, classCount: pack.classCount,
                classNames: pack.classNames,
                normalization: Self.imageNet.converted(toChannels: source.channels) ?? Self.imageNet)
            images.view = Self.defaultView
            return Split(name: split.name, images: images, root: nil)
        }
    }

    /// Over all splits.
    var count: Int { splits.reduce(0) { $0 + $1.images.count } }

    /// The class in words, or its number where it has no name.
    func className(_ label: Int) -> String {
        guard let classNames, classNames.indices.contains(label) else { return "class \(label)" }
        return classNames[label]
    }

    /// The format of a file by its first bytes; none where it is no image.
    static func imageFormat(of path: String) -> String? {
        guard let file = try? PositionalFile(path: path, remedy: ""),
            let head = try? file.read(at: 0, upTo: 512)
        else { return nil }
        return try? ImageFormat.of(head).rawValue
    }
}

extension DataImages.Split {
    /// What people call an image: its file below the folder of all, else its place in the split.
    func label(of image: Int) -> String {
        guard let name = images.name(of: image) else { return "\(self.name) image \(image)" }
        // Names of files may be relative to the split; places of members of shards say more than one wants to read.
        if let root, let place = encoded?.files.place(of: Int(images.sourceIndices[image])), place.hasSuffix(name),
            place.hasPrefix(root + "/")
        {
            return String(place.dropFirst(root.count + 1))
        }
        return name
    }
}
