import Declarations
import Foundation

/// A split of encoded images with their classes.
struct EncodedSplit {
    let files: any EncodedFiles
    /// Class of each image; -1 where there is none.
    var labels: [Int32]
    /// In the order of their numbers; empty where classes are numbers.
    var classNames: [String]
    /// What it was read from, for messages.
    let place: String

    init(files: any EncodedFiles, labels: [Int32], classNames: [String], place: String) {
        self.files = files
        self.labels = labels
        self.classNames = classNames
        self.place = place
    }

    /// - Parameter scan: Of the folder that the files were found in; none: they were named.
    init(_ index: ImageIndex, place: String, scan: FolderIndex? = nil, remedy: String) {
        self.init(
            files: IndexedFiles(
                index, place: place, directories: scan?.directories ?? [], notes: scan?.notes, remedy: remedy),
            labels: index.labels, classNames: index.classNames, place: place)
    }

    var hasClasses: Bool { labels.contains { $0 >= 0 } }

    /// The same with the class numbers of another split, and further numbers for classes that the other one does not have; as
    /// it is where one has no names.
    func numbered(from other: EncodedSplit) -> EncodedSplit {
        guard classNames != other.classNames, !classNames.isEmpty, !other.classNames.isEmpty else { return self }
        var copy = self
        copy.classNames = other.classNames
        var numbers = Dictionary(
            other.classNames.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        let table = classNames.map { name in
            if let number = numbers[name] { return number }
            let number = Int32(clamping: copy.classNames.count)
            numbers[name] = number
            copy.classNames.append(name)
            return number
        }
        copy.labels = labels.map { table.indices.contains(Int($0)) ? table[Int($0)] : $0 }
        return copy
    }

    /// The same with the class numbers of another split, matched by name; as it is where one has no classes.
    func matched(to other: EncodedSplit, remedy: String) throws -> EncodedSplit {
        guard hasClasses, other.hasClasses, classNames != other.classNames else { return self }
        guard classNames.isEmpty == other.classNames.isEmpty else {
            let (named, numbered) = classNames.isEmpty ? (other, self) : (self, other)
            throw DatasetError(
                place: numbered.place, problem: "has numbers as classes, but \(named.place) has names", remedy: remedy)
        }
        var copy = self
        copy.labels = try ImageIndex.matched(
            labels, of: classNames, to: other.classNames, place: place, remedy: remedy)
        copy.classNames = other.classNames
        return copy
    }
}

/// A data set of encoded images: what is common to folders, lists and shards.
protocol EncodedCollection: ImageCollection {
    var settings: Settings { get }
    /// Training images with as little reading as it takes.
    func trainingSplit() throws -> EncodedSplit
    /// Test images, and labelled ones that probes are fitted to, if there are such.
    func otherSplits() throws -> (test: EncodedSplit, probe: EncodedSplit?)
}

extension EncodedCollection {
    package var isInMemory: Bool { false }
    package var classOrder: String { "names sorted by their bytes, as torchvision numbers them" }

    package func resolvedFolder(specFolder: String) -> String? {
        let folder: String? = settings["folder"]
        return folder.map {
            URL(fileURLWithPath: $0, relativeTo: URL(fileURLWithPath: specFolder)).standardizedFileURL.path
        }
    }

    /// `data.folder`, without a link in its own place.
    func folder() throws -> String {
        guard let folder: String = settings["folder", as: String?.self] else {
            throw DatasetError(place: "data.folder", problem: "is not set", remedy: remedyForMissingFiles)
        }
        return folder
    }

    package func trainingImageCount() throws -> Int { try trainingImageCount(progress: nil) }

    package func trainingImageCount(progress: (@Sendable (String, Int, Int) -> Void)?) throws -> Int {
        let split = try trainingSplit()
        guard skipsUnreadable else { return split.files.count }
        let source = EncodedImages(split.files, decoding: decoding(channels: 3))
        return split.files.count - (try UnreadableImages.find(in: source, progress: progress).count)
    }

    package func open() throws -> DatasetSplits { try open(for: ModelInput(channels: 3, imageSize: 224)) }

    package func open(for input: ModelInput) throws -> DatasetSplits {
        var train = try trainingSplit()
        let others = try otherSplits()
        // Probes are fitted to training images, or to images with classes of their own: their classes come first, and those
        // that only training images have come behind them.
        let labelled = others.probe ?? train
        train = train.numbered(from: labelled)
        let test =
            input.toleratesMismatch
            ? others.test.numbered(from: train)
            : try others.test.matched(to: labelled, remedy: remedyForMissingFiles)
        let names = [train, test].map(\.classNames).max { $0.count < $1.count } ?? []
        let largest = [train, labelled, test].flatMap { [$0.labels.max() ?? -1] }.max() ?? -1
        let classCount = max(names.count, Int(largest) + 1, 1)

        var skipped: [SkippedImage] = []
        func dataset(_ split: EncodedSplit) throws -> ImageDataset {
            let source = EncodedImages(split.files, decoding: decoding(channels: input.channels == 1 ? 1 : 3))
            let whole = ImageDataset(
                name: Self.name, source: source, labels: split.hasClasses ? split.labels : nil,
                classCount: classCount, classNames: names.isEmpty ? nil : names,
                normalization: .imagenet(channels: source.channels))
            guard skipsUnreadable else { return whole }
            let unreadable = try UnreadableImages.find(in: source, progress: input.progress)
            skipped += unreadable.map { SkippedImage(name: source.files.name(of: $0.image), problem: $0.problem) }
            let rest = whole.excluding(Set(unreadable.map(\.image)))
            guard rest.count > 0 else {
                throw DatasetError(
                    place: split.place, problem: "none of the \(whole.count) images can be read",
                    remedy: "set data.on_unreadable: fail to see why")
            }
            return rest
        }
        var splits = DatasetSplits(train: try dataset(train), test: try dataset(test))
        if !input.toleratesMismatch { try splits.checkTestCount(place: test.place) }
        splits.probe = try others.probe.map(dataset)
        splits.skipped = skipped
        let shown = EncodedSettings(settings)
        let normalization = try shown.normalization(of: splits.train, input)
        let view = shown.view(imageSize: input.imageSize)
        for key in [\DatasetSplits.train, \DatasetSplits.test] {
            splits[keyPath: key].normalization = normalization
            splits[keyPath: key].view = view
        }
        splits.probe?.normalization = normalization
        splits.probe?.view = view
        return splits
    }

    private var skipsUnreadable: Bool { settings["on_unreadable"] == "skip" }

    private func decoding(channels: Int) -> EncodedImages.Decoding {
        var decoding = EncodedImages.Decoding()
        decoding.channels = channels
        decoding.isFast = settings["decode"] == "fast"
        decoding.appliesOrientation = settings["exif_orientation"]
        decoding.maximumPixels = settings["max_pixels"]
        decoding.maximumBytes = settings["max_bytes"]
        return decoding
    }
}
