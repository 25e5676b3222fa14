import Declarations
import Foundation

/// A data set of records in a few files in a folder.
protocol RecordCollection: ImageCollection {
    var settings: Settings { get }
    /// The files that it reads, in the form that is there; those of the first form where none is.
    func files(in folder: String) -> [String]
}

extension RecordCollection {
    package var isInMemory: Bool { false }

    /// `data.folder`, or the folder that the spec lies in.
    var folder: String { settings["folder", as: String?.self] ?? "." }

    package func resolvedFolder(specFolder: String) -> String? {
        settings["folder", as: String?.self].map {
            URL(fileURLWithPath: $0, relativeTo: URL(fileURLWithPath: specFolder)).standardizedFileURL.path
        }
    }

    package var requiredPaths: [RequiredPath] {
        settings["folder", as: String?.self] == nil
            ? [] : files(in: folder).map { RequiredPath(key: DataKeys.folder.name, path: $0) }
    }

    /// Training and test images of records, normalised as the training images are.
    func splits(
        train: RecordImages, _ trainLabels: [UInt8]?, test: RecordImages, _ testLabels: [UInt8]?,
        probe: (RecordImages, [UInt8]?)? = nil, classNames: [String]
    ) throws -> DatasetSplits {
        let normalization = try train.statistics.normalization(place: folder, remedy: remedyForMissingFiles)
        func dataset(_ images: RecordImages, _ labels: [UInt8]?) -> ImageDataset {
            ImageDataset(
                name: Self.name, source: images, labels: labels?.map(Int32.init), classCount: classNames.count,
                classNames: classNames, normalization: normalization)
        }
        let splits = DatasetSplits(
            train: dataset(train, trainLabels), test: dataset(test, testLabels),
            probe: probe.map { dataset($0.0, $0.1) })
        try splits.checkTestCount(place: folder)
        return splits
    }
}
