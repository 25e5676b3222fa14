import Datasets
import ExperimentSpec
import RunStore
import Training

/// The data set that was read last: arms seldom differ in it.
struct SplitsCache {
    /// Where the files lie now, if not where they lay when the run was planned.
    var folder: String?
    private var last: (data: DataIdentity, input: [Int], splits: DatasetSplits)?

    init(folder: String? = nil) { self.folder = folder }

    mutating func load(_ configuration: RunConfiguration) throws -> DatasetSplits {
        let data = configuration.dataIdentity
        // They are shown as the model takes them.
        let input = [configuration.model.channels, configuration.model.imageSize]
        if let last, last.data == data, last.input == input { return last.splits }
        let splits = try DatasetSplits.load(configuration, folder: folder)
        last = (data, input, splits)
        return splits
    }

    /// The data of a run, compared with what the run was trained on.
    ///
    /// - Parameter provenance: Of the run's results; what it does not name is not compared.
    /// - Throws: `DatasetError`; `UnusableInput` where the data has changed since.
    mutating func load(
        _ configuration: RunConfiguration, trainedOn provenance: [String: String]
    ) throws -> DatasetSplits {
        let splits = try load(configuration)
        for (name, found) in try splits.fingerprints.sorted(by: { $0.key > $1.key }) {
            guard let stored = provenance[name], stored != found else { continue }
            throw UnusableInput(
                place: folder ?? configuration.dataPlace,
                problem: "the run was trained on different data: its \(name) is \(stored), here it is \(found)",
                remedy: "restore the previous data, or name its folder with --data-folder")
        }
        return splits
    }
}
