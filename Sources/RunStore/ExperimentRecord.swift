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
        if let contradiction = record.contradiction {
            throw RunStoreError(
                file: file, message: "contradicts itself: \(contradiction)",
                remedy: "put back a copy, or `cjepa-exp run` with the experiment's spec writes it anew")
        }
        return record
    }

    /// What is wrong with a record that was read; none where arms, runs and folders fit together.
    private var contradiction: String? {
        /// The first name that is listed twice.
        func repeated(_ names: [String]) -> String? {
            var known: Set<String> = []
            return names.first { !known.insert($0).inserted }
        }
        func shown(_ name: String) -> String { String(name.prefix(80)).debugDescription }
        if let arm = repeated(arms) { return "the arm \(shown(arm)) is listed twice" }
        let known = Set(arms)
        if let run = runs.first(where: { !known.contains($0.arm) }) {
            return "a run belongs to the arm \(shown(run.arm)), which is not among its arms"
        }
        if let name = repeated(runs.map(\.directoryName)) { return "two runs have the folder \(shown(name))" }
        if let run = repeated(runs.map { "\($0.arm), seed \($0.seed)" }) {
            return "the run \(shown(run)) is listed twice"
        }
        // Whatever is read or cleaned by these names is in the experiment's own folder.
        if let name = (runs.map(\.directoryName) + (floors ?? [])).first(where: { !Self.isPlain($0) }) {
            return "\(shown(name)) is not the name of a file in its folder"
        }
        return nil
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.contains("/") && !name.contains("\0")
    }

    /// Writes the record, and makes the folder where missing.
    /// - Throws: `FileWriteError` or `RunStoreError`.
    package func save(toExperiment directory: String) throws {
        try createFolder(directory)
        try StoredJSON.write(self, to: Self.path(inExperiment: directory))
    }
}
