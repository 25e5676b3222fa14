import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// The floors that an experiment needs: one computation for each data set and evaluation setting in its runs.
func floorsRequests(for experiment: Experiment, in folder: ExperimentFolder) -> [FloorsRequest] {
    floorsRuns(of: experiment, in: folder).map { run, output in
        let cost = try? predictedCost(run.configuration)
        return FloorsRequest(
            output: output, planFile: folder.directory(of: run).planFile,
            memoryBytes: max(ExperimentRunner.floorsMemoryBytes, cost?.floorsMemoryBytes ?? 0))
    }
}

/// Configurations whose data's floors are still to be computed.
func missingFloors(of experiment: Experiment, in folder: ExperimentFolder) -> [RunConfiguration] {
    floorsRuns(of: experiment, in: folder).compactMap { run, output in
        FileManager.default.fileExists(atPath: output) ? nil : run.configuration
    }
}

/// The first run with each set of floors, and the file that holds them.
private func floorsRuns(
    of experiment: Experiment, in folder: ExperimentFolder
) -> [(run: PlannedRun, output: String)] {
    var seen: Set<String> = []
    return experiment.runs.compactMap { run in
        let key = floorsKey(run.configuration)
        return seen.insert(key).inserted ? (run, Floors.path(inExperiment: folder.path, hash: key)) : nil
    }
}

/// Eight digits of a hash of everything that floors depend on: the data set, and how probes are fitted and tested.
private func floorsKey(_ configuration: RunConfiguration) -> String {
    // Keys that are added later and do not matter here leave the hash as it is.
    var relevant = RunConfiguration.ofEarlierVersions
    // Floors take their images from the whole training set, whatever part of it the run trains on; raw pixels are neither
    // cropped nor trained on; and the place of the files does not matter where the set is known.
    let isKnown = configuration.imageCollection.knownSizes != nil
    for key in Catalogue.current.imageCollections.keys where !(isKnown && key.isPath) {
        relevant.set(key.path, to: configuration.value(of: key.path))
    }
    relevant.model.imageSize = configuration.model.imageSize
    relevant.model.channels = configuration.model.channels
    relevant.takeEvaluation(of: configuration)
    return String(SHA256Digest(of: relevant.canonicalJSON()).hex.prefix(8))
}
