package import Datasets
package import ExperimentSpec

extension DatasetSplits {
    /// The data set that a configuration names.
    ///
    /// - Parameter folder: Where its files lie, if not where the configuration says.
    /// - Throws: `DatasetError` for files that are missing or broken, or do not belong together.
    package static func load(_ configuration: RunConfiguration, folder: String? = nil) throws -> DatasetSplits {
        try configuration.imageCollection(at: folder).open()
    }
}
