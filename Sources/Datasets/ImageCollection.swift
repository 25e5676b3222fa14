package import Declarations

/// A data set that a spec can name as `data.dataset`: training and test images, wherever they come from.
///
/// A type that conforms, in one file, and its name in `ImageCollections.standard` are all that a new one takes. Its keys
/// are in the group `data`. A value is light; nothing is read before it is asked for.
package protocol ImageCollection: DeclaredOption {
    init(_ settings: Settings)

    /// Images of each split, and how large they are, where that is known without reading anything.
    var knownSizes: SplitSizes? { get }
    var knownGeometry: ImageGeometry? { get }
    /// Names of the classes 0, 1, …; none where there are only numbers.
    var classNames: [String]? { get }
    /// In what order classes are numbered, for people.
    var classOrder: String { get }
    /// Whether all images are held in memory.
    var isInMemory: Bool { get }

    /// The folder of the files: as given, else where they usually are. Asked only of a collection with a key `folder`.
    ///
    /// - Parameter specFolder: Folder of the spec.
    /// - Returns: None where it has to be given.
    func resolvedFolder(specFolder: String) -> String?
    /// Files and folders that must be there besides the folder itself, each with the key that names it: "train_images".
    var requiredPaths: [RequiredPath] { get }
    /// What to do where some of them are missing.
    var remedyForMissingFiles: String { get }

    /// Settings that cannot work together, found without reading anything; keys with their group: "data.scene_share".
    var findings: [SpecFinding] { get }

    /// The number of training images, with as little reading as it takes.
    ///
    /// - Throws: `DatasetError`.
    func trainingImageCount() throws -> Int
    /// The same. To be written where all images may have to be read for it.
    ///
    /// - Parameter progress: As that of `ModelInput`.
    func trainingImageCount(progress: (@Sendable (_ action: String, _ done: Int, _ all: Int) -> Void)?) throws -> Int
    /// Opens both splits.
    ///
    /// - Throws: `DatasetError` for files that are missing or broken, or do not belong together.
    func open() throws -> DatasetSplits
    /// Opens both splits as a model takes them. To be written where decoding depends on the channels, or the view of
    /// evaluations on the side of the model's images.
    ///
    /// - Throws: `DatasetError` as `open`.
    func open(for input: ModelInput) throws -> DatasetSplits
}

extension ImageCollection {
    package var knownSizes: SplitSizes? { nil }
    package var knownGeometry: ImageGeometry? { nil }
    package var classNames: [String]? { nil }
    package var classOrder: String { "as the data set numbers them" }
    package var isInMemory: Bool { true }
    package func resolvedFolder(specFolder: String) -> String? { nil }
    package var requiredPaths: [RequiredPath] { [] }
    package var remedyForMissingFiles: String { "set data.folder" }
    package var findings: [SpecFinding] { [] }
    package func trainingImageCount(
        progress: (@Sendable (_ action: String, _ done: Int, _ all: Int) -> Void)?
    ) throws -> Int { try trainingImageCount() }
    package func open(for input: ModelInput) throws -> DatasetSplits {
        try open().shown(inChannels: input.channels)
    }

    /// Whether its files lie in a folder that a spec can name.
    package static var hasFolder: Bool { keys.contains { $0.name == DataKeys.folder.name } }
}

/// The images that a model takes.
package struct ModelInput: Sendable {
    package let channels: Int
    /// Side, pixels.
    package let imageSize: Int
    /// Told what is done with all images of a data set and how many there are: first with none done, then once for each
    /// that is; on any thread.
    package var progress: (@Sendable (_ action: String, _ done: Int, _ all: Int) -> Void)?
    /// Open splits that no run could use too, for whoever lists what is wrong with them.
    package var toleratesMismatch = false

    package init(
        channels: Int, imageSize: Int,
        progress: (@Sendable (_ action: String, _ done: Int, _ all: Int) -> Void)? = nil
    ) {
        self.channels = channels
        self.imageSize = imageSize
        self.progress = progress
    }
}

/// Numbers of training and test images.
package struct SplitSizes: Sendable, Hashable {
    package let train: Int
    package let test: Int
    /// Labelled images that probes are fitted to, where those are not the training images.
    package let probe: Int?

    package init(train: Int, test: Int, probe: Int? = nil) {
        self.train = train
        self.test = test
        self.probe = probe
    }
}

/// Channels and sides of images that are all of one size.
package struct ImageGeometry: Sendable, Hashable {
    package let channels: Int
    package let height: Int
    package let width: Int

    package init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    /// Numbers in an image.
    package var count: Int { channels * height * width }
}

/// A file or folder that a data set cannot do without.
package struct RequiredPath: Sendable, Hashable {
    /// Name of the key in `data` that says where it is.
    package let key: String
    package let path: String

    package init(key: String, path: String) {
        self.key = key
        self.path = path
    }
}

/// Keys of `data` that several data sets read.
package enum DataKeys {
    package static let folder = DeclaredKey(
        "folder", default: String?.none,
        "Folder of the files, relative to the spec that sets it; none: the data set's usual folder.",
        synonyms: "root root_path data_path data_dir path dir directory image_folder", isIdentity: false, isPath: true)
}
