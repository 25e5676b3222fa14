package import Declarations
import Foundation
import HDF5

/// Arrays of images and labels in HDF5 files of one's own.
package struct HDF5Collection: ImageCollection {
    package static let name = "hdf5"
    package static let summary =
        "arrays of 8-bit images of one size, and of their classes, in HDF5 files in data.folder"
    package static let keys =
        [DataKeys.folder] + DataKeys.hdf5Files(images: "bytes, [n, H, W], [n, H, W, C] or [n, C, H, W].")

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package var isInMemory: Bool { false }
    package let remedyForMissingFiles = "set data.folder, data.train_file and data.test_file"
    private static let remedy = "check data.images_path and data.labels_path, or write the file again"

    private var folder: String? { settings["folder"] }

    package func resolvedFolder(specFolder: String) -> String? {
        folder.map { URL(fileURLWithPath: $0, relativeTo: URL(fileURLWithPath: specFolder)).standardizedFileURL.path }
    }

    package var requiredPaths: [RequiredPath] {
        folder == nil ? [] : ["train_file", "test_file"].map { RequiredPath(key: $0, path: path($0)) }
    }

    private func path(_ key: String) -> String {
        let file: String = settings[key]
        return file.hasPrefix("/") ? file : URL(fileURLWithPath: folder ?? ".").appendingPathComponent(file).path
    }

    private func images(ofTest isTest: Bool) throws -> HDF5Images {
        let own: String? = isTest ? settings["test_images_path"] : nil
        return try HDF5Images(
            path: path(isTest ? "test_file" : "train_file"), array: own ?? settings["images_path"], remedy: Self.remedy)
    }

    package func trainingImageCount() throws -> Int { try images(ofTest: false).count }

    package func open() throws -> DatasetSplits {
        let (train, test) = (try images(ofTest: false), try images(ofTest: true))
        let trainLabels = try HDF5Labels.read(
            settings["labels_path"], in: train.file, count: train.count, remedy: Self.remedy)
        let testPath: String? = settings["test_labels_path"]
        let classCount = trainLabels.map { Int($0.max() ?? 0) + 1 }
        let testLabels = try HDF5Labels.read(
            testPath ?? settings["labels_path"], in: test.file, count: test.count, classCount: classCount,
            remedy: Self.remedy)
        guard train.geometry == test.geometry else {
            throw test.failure(
                "has test images of \(test.geometry.text), but the training images are \(train.geometry.text)")
        }
        let (counted, other) = (try train.counted(), try test.counted())
        let normalization = try counted.statistics.normalization(place: train.place, remedy: Self.remedy)
        func dataset(_ images: HDF5Source, _ labels: [Int32]?) -> ImageDataset {
            ImageDataset(
                name: Self.name, source: images, labels: labels, classCount: classCount ?? 1,
                normalization: normalization)
        }
        let splits = DatasetSplits(train: dataset(counted, trainLabels), test: dataset(other, testLabels))
        try splits.checkTestCount(place: test.place)
        return splits
    }
}

extension DataKeys {
    /// Where images and classes are in HDF5 files of one's own.
    ///
    /// - Parameter images: What an array of images is.
    static func hdf5Files(images: String) -> [DeclaredKey] {
        [
            DeclaredKey("train_file", default: "train.h5", "HDF5 file of the training images, in data.folder."),
            DeclaredKey(
                "test_file", default: "test.h5",
                "HDF5 file of the test images, in data.folder; it may be data.train_file."),
            DeclaredKey("images_path", default: "images", "Array of the images in its HDF5 file: \(images)"),
            DeclaredKey(
                "labels_path", default: String?("labels"),
                "Array of the classes 0, 1, … in its HDF5 file: whole numbers, [n]; null: the images have none."),
            DeclaredKey(
                "test_images_path", default: String?.none,
                "Array of the test images, where it has another name than that of the training images."),
            DeclaredKey(
                "test_labels_path", default: String?.none,
                "Array of the test images' classes, where it has another name than that of the training images'."),
        ]
    }
}

extension ImageGeometry {
    /// "32×32×3".
    fileprivate var text: String { "\(height)×\(width)×\(channels)" }
}
