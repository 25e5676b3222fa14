package import ExperimentSpec

/// What a run is to do: `plan.json`.
package struct RunPlan: Codable, Sendable, Equatable {
    package var formatVersion: Int
    /// Name of the experiment.
    package var experiment: String
    package var question: String
    /// The arm that others are compared with.
    package var baseline: String
    package var specPath: String
    /// Revision of the program that planned it, where known.
    package var sourceRevision: String?
    package var run: PlannedRun

    package init(
        experiment: String, question: String, baseline: String, specPath: String, sourceRevision: String? = nil,
        run: PlannedRun
    ) {
        formatVersion = RunFormat.version
        self.experiment = experiment
        self.question = question
        self.baseline = baseline
        self.specPath = specPath
        self.sourceRevision = sourceRevision
        self.run = run
    }

    /// Makes sure that the configuration is the one that the run is named after, before it is trained.
    ///
    /// - Parameter file: Where it was read.
    /// - Throws: `RunStoreError` where somebody, or damage, changed a key.
    package func check(file: String) throws {
        let hash = run.configuration.configurationHash()
        guard hash == run.configurationHash else {
            throw RunStoreError(
                file: file,
                message: "was changed: its configuration has the hash \(hash.prefix(8)), and the run "
                    + String(run.configurationHash.prefix(8)).debugDescription,
                remedy: "run the experiment's spec with `cjepa-exp run`, which writes the plan anew")
        }
    }
}
