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
}
