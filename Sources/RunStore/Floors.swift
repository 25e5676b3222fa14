/// What probes reach on raw pixels, once per data set: `floors-<hash>.json` in the experiment's folder.
package struct Floors: Codable, Sendable, Equatable {
    package var formatVersion: Int
    /// Description of the data: name, subset, image size.
    package var dataset: String
    /// Images that the probes were trained on.
    package var nTrain: Int
    /// Images that they were tested on.
    package var nTest: Int
    /// Fractions: "pixel_knn_10", "pixel_linear".
    package var metrics: [String: Double]

    package init(dataset: String, nTrain: Int, nTest: Int, metrics: [String: Double]) {
        formatVersion = RunFormat.version
        self.dataset = dataset
        self.nTrain = nTrain
        self.nTest = nTest
        self.metrics = metrics
    }

    /// Where the floors of a hash of the data's and the probes' settings lie.
    package static func path(inExperiment directory: String, hash: String) -> String {
        directory + "/floors-\(hash).json"
    }

    /// - Throws: `RunStoreError`, also where there is none or its version is not this program's.
    package static func load(from path: String) throws -> Floors {
        let floors = try StoredJSON.read(Floors.self, from: path)
        try RunFormat.check(version: floors.formatVersion, file: path)
        return floors
    }

    /// - Throws: `FileWriteError`; an old file is untouched then.
    package func save(to path: String) throws { try StoredJSON.write(self, to: path) }

    /// Names of the files in an experiment's folder, sorted.
    /// - Throws: `RunStoreError` where there is no such experiment.
    package static func names(inExperiment directory: String) throws -> [String] {
        try namesOfFiles(inExperiment: directory).filter { $0.hasPrefix("floors-") && $0.hasSuffix(".json") }
    }

    /// The files of an experiment, sorted by name.
    /// - Throws: `RunStoreError` where there is no such experiment, or a file is damaged.
    package static func all(inExperiment directory: String) throws -> [Floors] {
        try names(inExperiment: directory).map { try load(from: directory + "/" + $0) }
    }
}
