/// Seconds of the parts of a run, measured or assumed; `CostEstimate` adds them up.
package struct RunPace: Hashable, Sendable {
    /// One training step, with what a run does beside it.
    package var step: Double
    /// One image's features on their way through an encoder.
    package var feature: Double
    /// The kNN of one encoder's features.
    package var neighbours: Double
    /// Diagnostics of one encoder's features.
    package var diagnostics: Double
    /// One linear probe with its whole grid.
    package var linearProbe: Double
    /// The predictor's skill, once for each evaluation.
    package var skill: Double
    /// Starting the process, reading its data, storing its results.
    package var start: Double

    package init(
        step: Double, feature: Double, neighbours: Double = 0, diagnostics: Double = 0, linearProbe: Double = 0,
        skill: Double = 0, start: Double = 0
    ) {
        self.step = step
        self.feature = feature
        self.neighbours = neighbours
        self.diagnostics = diagnostics
        self.linearProbe = linearProbe
        self.skill = skill
        self.start = start
    }

    /// Part by part the mean of several; of none, nothing.
    package static func mean(_ paces: [RunPace]) -> RunPace {
        var mean = RunPace(step: 0, feature: 0)
        let parts: [WritableKeyPath<RunPace, Double>] = [
            \.step, \.feature, \.neighbours, \.diagnostics, \.linearProbe, \.skill, \.start,
        ]
        for part in parts {
            mean[keyPath: part] = paces.reduce(0) { $0 + $1[keyPath: part] } / Double(max(paces.count, 1))
        }
        return mean
    }
}
