import Foundation
package import ExperimentSpec

/// What an experiment consists of: `experiment.json` in its folder.
package struct ExperimentRecord: Codable, Sendable, Equatable {
    /// One run of the matrix.
    package struct Entry: Codable, Sendable, Equatable {
        package var arm: String
        package var seed: Int
        package var directoryName: String
        package var configurationHash: String
        /// Key paths in which arms differ, with this run's values.
        package var differences: [String: String]

        package init(
            arm: String, seed: Int, directoryName: String, configurationHash: String, differences: [String: String]
        ) {
            self.arm = arm
            self.seed = seed
            self.directoryName = directoryName
            self.configurationHash = configurationHash
            self.differences = differences
        }

        package init(_ run: PlannedRun) {
            self.init(
                arm: run.arm, seed: run.seed, directoryName: run.directoryName,
                configurationHash: run.configurationHash, differences: run.differences)
        }
    }

    package var formatVersion: Int
    package var name: String
    package var question: String
    package var expected: String
    package var baseline: String
    package var specPath: String
    /// In the order of the matrix.
    package var arms: [String]
    /// In the order arm, then seed.
    package var runs: [Entry]
    /// Names of the floors' files that belong to the runs; none in records that are older than this field.
    package var floors: [String]?
    /// What the spec claims of the arms, and the axes of its matrix; none in records that are older than these fields.
    package var expectations: [Claim]?
    package var factors: [Factor]?

    package init(
        name: String, question: String, expected: String, baseline: String, specPath: String, arms: [String],
        runs: [Entry], floors: [String]? = nil, expectations: [Claim]? = nil, factors: [Factor]? = nil
    ) {
        formatVersion = RunFormat.version
        self.name = name
        self.question = question
        self.expected = expected
        self.baseline = baseline
        self.specPath = specPath
        self.arms = arms
        self.runs = runs
        self.floors = floors
        self.expectations = expectations
        self.factors = factors
    }

    package init(_ experiment: Experiment, floors: [String]? = nil) {
        self.init(
            name: experiment.name, question: experiment.question, expected: experiment.expected,
            baseline: experiment.baseline, specPath: experiment.specPath, arms: experiment.arms,
            runs: experiment.runs.map(Entry.init), floors: floors,
            expectations: experiment.expectations, factors: experiment.factors)
    }

    package static func path(inExperiment directory: String) -> String { directory + "/experiment.json" }

    /// - Throws: `RunStoreError`, also where there is none or its version is not this program's.
    package static func load(fromExperiment directory: String) throws -> ExperimentRecord {
        let file = path(inExperiment: directory)
        guard FileManager.default.fileExists(atPath: file) else {
            throw RunStoreError(
                file: file, message: "is missing, so \(directory) is not an experiment",
                remedy: "give the folder that `cjepa-exp run` made, results/<experiment>")
        }
        let record = try StoredJSON.read(ExperimentRecord.self, from: file)
        try RunFormat.check(version: record.formatVersion, file: file)
        return record
    }

    /// Writes the record, and makes the folder where missing.
    /// - Throws: `FileWriteError` or `RunStoreError`.
    package func save(toExperiment directory: String) throws {
        try createFolder(directory)
        try StoredJSON.write(self, to: Self.path(inExperiment: directory))
    }
}
