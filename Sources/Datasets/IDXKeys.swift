import Declarations
import Foundation

extension DataKeys {
    /// The four files of an IDX data set. Their defaults are in the hashes of the first results.
    static let idxFiles = [
        file("train_images", "train-images-idx3-ubyte.gz", "File of the training images, IDX."),
        file("train_labels", "train-labels-idx1-ubyte.gz", "File of the training labels, IDX."),
        file("test_images", "t10k-images-idx3-ubyte.gz", "File of the test images, IDX."),
        file("test_labels", "t10k-labels-idx1-ubyte.gz", "File of the test labels, IDX."),
    ]

    private static func file(_ name: String, _ usual: String, _ documentation: String) -> DeclaredKey {
        DeclaredKey(name, default: usual, documentation, isIdentityAtDefault: true)
    }
}

/// A data set of four IDX files in a folder.
protocol IDXFolder: ImageCollection {
    var settings: Settings { get }
    /// Where the files are without `data.folder`, read from the working directory.
    static var usualFolder: String { get }
}

extension IDXFolder {
    package static var keys: [DeclaredKey] { [DataKeys.folder] + DataKeys.idxFiles }

    private var folder: String? { settings["folder"] }

    package func resolvedFolder(specFolder: String) -> String? { absolute(folder, specFolder) }

    /// `data.folder` as it is given, relative to a spec's folder.
    func absolute(_ folder: String?, _ specFolder: String) -> String? {
        folder.map { URL(fileURLWithPath: $0, relativeTo: URL(fileURLWithPath: specFolder)).standardizedFileURL.path }
    }

    package var requiredPaths: [RequiredPath] {
        guard let folder else { return [] }
        return DataKeys.idxFiles.map { RequiredPath(key: $0.name, path: "\(folder)/\(settings[$0.name] as String)") }
    }

    var files: DatasetFiles {
        DatasetFiles(
            name: Self.name, folder: folder ?? Self.usualFolder, trainImages: settings["train_images"],
            trainLabels: settings["train_labels"], testImages: settings["test_images"],
            testLabels: settings["test_labels"], classCount: classNames?.count, remedy: remedyForMissingFiles)
    }

    package func trainingImageCount() throws -> Int { try files.trainingImageCount() }
    package func open() throws -> DatasetSplits {
        var splits = try files.load()
        (splits.train.classNames, splits.test.classNames) = (classNames, classNames)
        return splits
    }
}
