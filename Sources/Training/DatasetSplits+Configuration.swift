package import Datasets
package import ExperimentSpec

extension DatasetSplits {
    /// The data set that a configuration names, as the model takes it.
    ///
    /// - Parameters:
    ///   - folder: Where its files lie, if not where the configuration says.
    ///   - toleratesMismatch: As that of `ModelInput`.
    ///   - progress: As that of `ModelInput`.
    /// - Throws: `DatasetError` for files that are missing or broken, or do not belong together.
    package static func load(
        _ configuration: RunConfiguration, folder: String? = nil, toleratesMismatch: Bool = false,
        progress: (@Sendable (_ action: String, _ done: Int, _ all: Int) -> Void)? = nil
    ) throws -> DatasetSplits {
        let model = configuration.model
        var input = ModelInput(channels: model.channels, imageSize: model.imageSize, progress: progress)
        input.toleratesMismatch = toleratesMismatch
        return try configuration.imageCollection(at: folder).open(for: input)
    }
}
