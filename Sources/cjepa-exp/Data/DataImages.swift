import Datasets
import ExperimentSpec
import Foundation
import ImageCodecs
import Training

/// The images of a spec or of a folder, split by split, as the commands of `data` see them.
struct DataImages: Sendable {
    struct Split: Sendable {
        let name: String
        let images: ImageDataset
        /// What the scan of a folder left out; none where the images are not from a folder.
        let notes: FolderNotes?
        /// Numbers of the classes that have a folder in this split; none where that is not known.
        let classFolders: Set<Int>?
        /// Where relative names of files begin.
        let root: String?
        /// Whether every image is a file of its own.
        let isFiles: Bool
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
    let limits = ImageLimits()

    /// Normalised with ImageNet's numbers, seen at 256/224.
    static let defaultSide = 224
    static let defaultView = EvaluationView(shortSide: 256)
    /// Mean and deviation of each channel that torchvision's models are trained with.
    static let imageNet = Normalization(
        mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])

    init(_ configuration: RunConfiguration, spec: String) throws {
        let data = try DatasetSplits.load(configuration)
        let named = [("train", data.train), ("test", data.test)] + (data.probe.map { [("probe", $0)] } ?? [])
        place = spec
        imageSize = configuration.model.imageSize
        crop = try RandomResizedCrop(scale: configuration.data.cropScale, aspect: configuration.data.cropAspect)
        classNames = data.train.classNames ?? data.test.classNames
        splits = named.map { name, images in
            Split(
                name: name, images: images, notes: nil, classFolders: nil, root: configuration.dataFolder,
                isFiles: false)
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
            let index = split.index
            let files = ImageFiles(count: index.count) { index.path($0) }
            var images = ImageDataset(
                name: split.name, source: files, labels: split.labels, classCount: found.classNames.count,
                classNames: found.classNames.isEmpty ? nil : found.classNames, normalization: Self.imageNet)
            images.view = Self.defaultView
            return Split(
                name: split.name, images: images, notes: split.notes,
                classFolders: split.labels == nil ? nil : split.classFolders, root: folder, isFiles: true)
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
    /// The file of an image; none where the image is none of its own.
    func file(of image: Int) -> String? {
        guard let name = images.name(of: image) else { return nil }
        if isFiles { return name }
        let path = name.hasPrefix("/") ? name : (root.map { $0 + "/" } ?? "") + name
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue ? path : nil
    }

    /// What people call an image: its file below the folder of all, else its place in the split.
    func label(of image: Int) -> String {
        guard let name = images.name(of: image) else { return "\(self.name) image \(image)" }
        if let root, name.hasPrefix(root + "/") { return String(name.dropFirst(root.count + 1)) }
        return name
    }
}
