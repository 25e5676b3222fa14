/// How much of their time the steps of a run waited for images.
package struct LoaderWait: Sendable, Hashable {
    /// Seconds.
    package let waited: Double
    /// Of all steps, waiting included.
    package let total: Double

    /// - Parameters:
    ///   - waits: `loader_wait_seconds` of each step.
    ///   - steps: `step_seconds` of each.
    /// - Returns: None where nothing was timed.
    package init?(waits: [Double]?, steps: [Double]?) {
        guard let waits, let steps else { return nil }
        var (waited, total) = (0.0, 0.0)
        for (wait, step) in zip(waits, steps) where wait.isFinite && step.isFinite {
            waited += wait
            total += step
        }
        guard total > 0 else { return nil }
        (self.waited, self.total) = (waited, total)
    }

    package init(waited: Double, total: Double) {
        (self.waited, self.total) = (waited, total)
    }

    package var share: Double { total > 0 ? waited / total : 0 }

    /// More than a twentieth of the time, and long enough for somebody to have noticed.
    package var isWorthAWord: Bool { Self.isMuch(share) && waited >= 10 }

    /// Whether reading should be made faster.
    package static func isMuch(_ share: Double) -> Bool { share > 0.05 }

    /// "12 %", "0.3 %".
    package static func text(_ share: Double) -> String {
        let percent = 100 * share
        return (percent < 9.95 ? "\((10 * percent).rounded() / 10)" : "\(Int(percent.rounded()))") + " %"
    }

    /// What makes waiting shorter.
    package static let advice =
        "What helps: more threads that read (resources.loader_threads), images packed by `cjepa-exp data pack`, or "
        + "data.decode: fast"
}
