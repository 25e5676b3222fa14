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

    /// The folder of the files: as given, else where they usually are. Asked only of a collection with a key `folder`.
    ///
    /// - Parameter specFolder: Folder of the spec.
    /// - Returns: None where it has to be given.
    func resolvedFolder(specFolder: String) -> String?
    /// Files and folders that must be there besides the folder itself, each with the key that names it: "train_images".
    var requiredPaths: [RequiredPath] { get }
    /// What to do where some of them are missing.
    var remedyForMissingFiles: String { get }

    /// The number of training images, with as little reading as it takes.
    ///
    /// - Throws: `DatasetError`.
    func trainingImageCount() throws -> Int
    /// Opens both splits.
    ///
    /// - Throws: `DatasetError` for files that are missing or broken, or do not belong together.
    func open() throws -> DatasetSplits
}

extension ImageCollection {
    package var knownSizes: SplitSizes? { nil }
    package var knownGeometry: ImageGeometry? { nil }
    package var classNames: [String]? { nil }
    package func resolvedFolder(specFolder: String) -> String? { nil }
    package var requiredPaths: [RequiredPath] { [] }
    package var remedyForMissingFiles: String { "set data.folder" }

    /// Whether its files lie in a folder that a spec can name.
    package static var hasFolder: Bool { keys.contains { $0.name == DataKeys.folder.name } }
}

/// Numbers of training and test images.
package struct SplitSizes: Sendable, Hashable {
    package let train: Int
    package let test: Int

    package init(train: Int, test: Int) {
        self.train = train
        self.test = test
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
