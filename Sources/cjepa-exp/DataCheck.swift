import Datasets
import ExperimentSpec
import Training

/// Number of training images of a data set whose folder is resolved, from the head of a file, gzipped or not.
///
/// - Throws: `DatasetError`.
func trainingImageCount(_ data: DataConfiguration) throws -> Int {
    try DatasetFiles.of(data, folder: data.folder).trainingImageCount()
}

/// Reads the data of a configuration once, before anything runs, and compares it with the model.
///
/// - Throws: `DatasetError`.
func checkData(_ configuration: RunConfiguration) throws {
    let images = try DatasetSplits.load(configuration.data, folder: configuration.data.folder).train
    guard images.channels == configuration.model.channels else {
        throw DatasetError(
            place: configuration.data.folder ?? configuration.data.dataset.rawValue,
            problem: "images have \(images.channels) channels, but model.channels is \(configuration.model.channels)",
            remedy: "set model.channels: \(images.channels)")
    }
}
