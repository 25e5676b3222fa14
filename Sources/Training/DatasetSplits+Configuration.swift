package import Datasets
package import ExperimentSpec

extension DatasetFiles {
    /// The files that a configuration names.
    ///
    /// - Parameter folder: Where they lie; none: where the data set's package or the project puts them.
    package static func of(_ configuration: DataConfiguration, folder: String?) -> DatasetFiles {
        switch configuration.dataset {
        case .fashionMNIST: .fashionMNIST(folder: folder)
        case .fashionMNISTSample: .fashionMNISTSample(folder: folder)
        case .idx:
            DatasetFiles(
                name: "idx", folder: folder ?? ".", trainImages: configuration.trainImages,
                trainLabels: configuration.trainLabels, testImages: configuration.testImages,
                testLabels: configuration.testLabels)
        }
    }
}

extension DatasetSplits {
    /// The data set that a configuration names.
    ///
    /// - Parameter folder: Where its files lie; none: where the data set's package or the project puts them.
    /// - Throws: `DatasetError` for files that are missing or broken, or do not belong together.
    package static func load(_ configuration: DataConfiguration, folder: String?) throws -> DatasetSplits {
        try DatasetFiles.of(configuration, folder: folder).load()
    }
}
