/// A spec with everything resolved: the matrix expanded into runs, every run validated.
package struct Experiment: Sendable {
    /// From `name:`, or the file's base name; names the folder under results/.
    package var name: String
    package var question: String
    package var expected: String
    /// The arm that others are compared with.
    package var baseline: String
    /// What is claimed of the arms, to be judged by the results; no part of any run's identity.
    package var expectations: [Claim]
    /// The axes of the matrix, each with what it is in every arm.
    package var factors: [Factor]
    /// Arms in the order of the matrix.
    package var arms: [String]
    /// Runs in the order arm, then seed.
    package var runs: [PlannedRun]
    /// Path of the spec it came from.
    package var specPath: String
    /// Data that runs need and that is not there; only where the spec was read for a plan.
    package var missingData: [MissingData] = []

    package init(
        name: String, question: String, expected: String, baseline: String, arms: [String], runs: [PlannedRun],
        specPath: String, expectations: [Claim] = [], factors: [Factor] = []
    ) {
        self.name = name
        self.question = question
        self.expected = expected
        self.baseline = baseline
        self.arms = arms
        self.runs = runs
        self.specPath = specPath
        self.expectations = expectations
        self.factors = factors
    }
}

extension Experiment {
    /// Whether the data of a configuration is not there.
    package func lacksData(of configuration: RunConfiguration) -> Bool {
        missingData.contains { $0.data == configuration.dataIdentity }
    }
}

/// A data set that is not there, and where it was looked for.
package struct MissingData: Hashable, Sendable {
    package let data: DataIdentity
    /// What is missing, with the place in the spec that says where it should be.
    package var problems: [SpecError]
}

/// One run of the matrix.
package struct PlannedRun: Codable, Hashable, Sendable {
    /// Readable name of the arm: the variant names and axis values that it is made of, "vicreg.ema".
    package var arm: String
    package var seed: Int
    package var configuration: RunConfiguration
    /// Key paths in which arms differ, with this run's values: ["objective.vicreg.weight": "0.001"].
    package var differences: [String: String]
    /// SHA-256 (hex) of the canonical resolved configuration without seed and cosmetic keys.
    package var configurationHash: String

    package init(
        arm: String, seed: Int, configuration: RunConfiguration, differences: [String: String],
        configurationHash: String
    ) {
        self.arm = arm
        self.seed = seed
        self.configuration = configuration
        self.differences = differences
        self.configurationHash = configurationHash
    }

    /// "vicreg.ema-s0": arm and seed.
    package var name: String { Self.name(arm: arm, seed: seed) }

    static func name(arm: String, seed: Int) -> String { "\(arm)-s\(seed)" }

    /// "vicreg.ema-s0-1a2b3c4d": the name of its folder under results/<experiment>/.
    package var directoryName: String { "\(name)-\(configurationHash.prefix(8))" }
}
