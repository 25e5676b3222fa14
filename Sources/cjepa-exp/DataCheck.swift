import Datasets
import ExperimentSpec
import Orchestration
import RunStore
import Training

/// Number of training images of a data set whose folder is resolved, as its files say.
///
/// - Throws: `DatasetError`.
func trainingImageCount(_ configuration: RunConfiguration) throws -> Int {
    try configuration.imageCollection.trainingImageCount(progress: Console.scanning)
}

/// What a run is expected to cost on the data that its folder holds.
///
/// - Throws: `DatasetError`.
func predictedCost(_ configuration: RunConfiguration) throws -> CostEstimate {
    CostEstimate(
        configuration, trainImages: try trainingImageCount(configuration),
        testImages: configuration.data.expectedTestImages)
}

/// The same from what the spec and the data set say of themselves, for data that is not there.
func declaredCost(_ configuration: RunConfiguration) -> CostEstimate {
    CostEstimate(
        configuration, trainImages: configuration.data.expectedTrainImages,
        testImages: configuration.data.expectedTestImages)
}

/// Reads the data of a configuration once, before anything runs, and compares it with the model.
///
/// - Returns: Fingerprints by their names in the provenance.
/// - Throws: `DatasetError`.
@discardableResult
func checkData(_ configuration: RunConfiguration) throws -> [String: String] {
    let splits = try DatasetSplits.load(configuration, progress: Console.scanning)
    let images = splits.train
    guard images.channels == configuration.model.channels else {
        throw DatasetError(
            place: configuration.dataPlace,
            problem: "images have \(images.channels) channels, but model.channels is \(configuration.model.channels)",
            remedy: "set model.channels: \(images.channels)")
    }
    try checkCounts(of: splits, configuration)
    try splits.checkLabels(place: configuration.dataPlace)
    try checkReadable(splits, configuration)
    if !splits.skipped.isEmpty {
        Console.note(
            "warning: \(counted(splits.skipped.count, "image")) of \(configuration.dataPlace) cannot be read and "
                + "\(splits.skipped.count == 1 ? "is" : "are") left out of every run (data.on_unreadable: skip); "
                + "\(RunDirectory.skippedImagesName) in each run's folder lists "
                + (splits.skipped.count == 1 ? "it" : "them"))
    }
    return try splits.fingerprints
}

/// Refuses images that an earlier look at all files, such as `data check`, could not read, and that a run would come to.
private func checkReadable(_ splits: DatasetSplits, _ configuration: RunConfiguration) throws {
    let evaluated = try splits.evaluated(configuration.evaluation)
    let trained = try splits.limited(train: configuration.data.trainSubset, test: nil).train
    for images in [trained, evaluated.train, evaluated.test] {
        guard let source = images.source as? EncodedImages else { continue }
        try checkPresent(images, in: source)
        guard let known = UnreadableImages.known(in: source),
            !known.isEmpty
        else { continue }
        let used = Set(images.sourceIndices.map(Int.init))
        let met = known.filter { used.contains($0.image) }
        guard let first = met.first else { continue }
        throw DatasetError(
            place: source.files.place(of: first.image),
            problem: "cannot be read (\(first.problem))"
                + (met.count > 1 ? ", nor can \(counted(met.count - 1, "other image"))" : "")
                + ": an earlier look at all files has found it",
            remedy: "replace or remove it, `cjepa-exp data check` lists all; or set data.on_unreadable: skip")
    }
}

/// Refuses files that were missing when the data set was opened, such as those that a list names in vain.
private func checkPresent(_ images: ImageDataset, in source: EncodedImages) throws {
    let missing = images.sourceIndices.filter { source.files.state(of: Int($0))?.size == -1 }
    guard let first = missing.first else { return }
    throw DatasetError(
        place: source.files.place(of: Int(first)),
        problem: "is missing, or is no file"
            + (missing.count > 1
                ? ", and so \(missing.count == 2 ? "is" : "are") \(counted(missing.count - 1, "other image"))" : ""),
        remedy: "put it back, or take it out of what names it")
}

/// Compares the numbers of images with those that the spec expects: a copy that was cut short looks like a smaller data set.
///
/// - Throws: `DatasetError`.
func checkCounts(of splits: DatasetSplits, _ configuration: RunConfiguration) throws {
    let expected = [
        ("train", "training", splits.train, configuration.data.expectedTrainImages),
        ("test", "test", splits.test, configuration.data.expectedTestImages),
    ]
    for (key, what, images, wanted) in expected {
        // Images that cannot be read are there all the same.
        let found = images.source.count
        guard let wanted, wanted != found else { continue }
        throw DatasetError(
            place: configuration.dataPlace,
            problem: "has \(counted(found, "\(what) image")), but data.expected_\(key)_images is \(wanted)",
            remedy: found < wanted
                ? "copy the data again, it is not complete; or set data.expected_\(key)_images: \(found)"
                : "remove what does not belong to it, or set data.expected_\(key)_images: \(found)")
    }
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
