/// Seconds of the parts of a run, measured or assumed; `CostEstimate` adds them up.
package struct RunPace: Hashable, Sendable {
    /// One training step, with what a run does beside it.
    package var step: Double
    /// One image's features on their way through an encoder.
    package var feature: Double
    /// Each evaluation task on one encoder's features, by its name: "knn".
    package var tasks: [String: Double]
    /// Diagnostics of one encoder's features.
    package var diagnostics: Double
    /// The predictor's skill, once for each evaluation.
    package var skill: Double
    /// Starting the process, reading its data, storing its results.
    package var start: Double

    package init(
        step: Double, feature: Double, tasks: [String: Double] = [:], diagnostics: Double = 0, skill: Double = 0,
        start: Double = 0
    ) {
        self.step = step
        self.feature = feature
        self.tasks = tasks
        self.diagnostics = diagnostics
        self.skill = skill
        self.start = start
    }

    /// Part by part the mean of several; of none, nothing.
    package static func mean(_ paces: [RunPace]) -> RunPace {
        let count = Double(max(paces.count, 1))
        var mean = RunPace(step: 0, feature: 0)
        let parts: [WritableKeyPath<RunPace, Double>] = [\.step, \.feature, \.diagnostics, \.skill, \.start]
        for part in parts { mean[keyPath: part] = paces.reduce(0) { $0 + $1[keyPath: part] } / count }
        for pace in paces {
            for (name, seconds) in pace.tasks { mean.tasks[name, default: 0] += seconds / count }
        }
        return mean
    }
}
