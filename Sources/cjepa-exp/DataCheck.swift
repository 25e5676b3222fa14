import Datasets
import ExperimentSpec
import Orchestration
import Training

/// Number of training images of a data set whose folder is resolved, as its files say.
///
/// - Throws: `DatasetError`.
func trainingImageCount(_ configuration: RunConfiguration) throws -> Int {
    try configuration.imageCollection.trainingImageCount()
}

/// What a run is expected to cost on the data that its folder holds.
///
/// - Throws: `DatasetError`.
func predictedCost(_ configuration: RunConfiguration) throws -> CostEstimate {
    CostEstimate(configuration, trainImages: try trainingImageCount(configuration))
}

/// Reads the data of a configuration once, before anything runs, and compares it with the model.
///
/// - Returns: Fingerprints by their names in the provenance.
/// - Throws: `DatasetError`.
@discardableResult
func checkData(_ configuration: RunConfiguration) throws -> [String: String] {
    let splits = try DatasetSplits.load(configuration) { action, done, all in
        if done == 0 { Console.begin(action, of: all) } else { Console.activity.advance() }
    }
    let images = splits.train
    guard images.channels == configuration.model.channels else {
        throw DatasetError(
            place: configuration.dataPlace,
            problem: "images have \(images.channels) channels, but model.channels is \(configuration.model.channels)",
            remedy: "set model.channels: \(images.channels)")
    }
    try splits.checkLabels()
    return splits.fingerprints
}

/// Checks the data of runs, each data set once.
///
/// - Returns: Tells the fingerprints of a configuration's data.
/// - Throws: `DatasetError`.
func checkData(of runs: [PlannedRun]) throws -> @Sendable (RunConfiguration) -> [String: String] {
    var fingerprints: [DataIdentity: [String: String]] = [:]
    for run in runs where fingerprints[run.configuration.dataIdentity] == nil {
        fingerprints[run.configuration.dataIdentity] = try checkData(run.configuration)
    }
    return { [fingerprints] in fingerprints[$0.dataIdentity] ?? [:] }
}
