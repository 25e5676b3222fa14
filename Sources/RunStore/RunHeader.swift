import ExperimentSpec

/// Whose results a run file holds: the attributes of its root.
package struct RunHeader: Sendable, Equatable {
    package var experiment: String
    package var arm: String
    package var seed: Int
    package var configurationHash: String
    package var status: RunStatus

    package init(experiment: String, arm: String, seed: Int, configurationHash: String, status: RunStatus = .running) {
        self.experiment = experiment
        self.arm = arm
        self.seed = seed
        self.configurationHash = configurationHash
        self.status = status
    }

    package init(_ plan: RunPlan, status: RunStatus = .running) {
        self.init(
            experiment: plan.experiment, arm: plan.run.arm, seed: plan.run.seed,
            configurationHash: plan.run.configurationHash, status: status)
    }
}
