extension MetricTable {
    /// Name of the derived column below; no file holds it.
    package static let loaderWaitShareColumn = "loader_wait_share"

    /// Share of the step time that was spent waiting for images, from the first step through each row, [rowCount].
    ///
    /// Σ `loader_wait_seconds` / Σ `step_seconds`, so the last row is the share of the whole run. None where the table
    /// has no such columns; rows without both numbers count for nothing.
    package var loaderWaitShare: [Double]? {
        guard let waits = self["loader_wait_seconds"], let steps = self["step_seconds"] else { return nil }
        var (waited, total) = (0.0, 0.0)
        return zip(waits, steps).map { wait, step in
            if wait.isFinite, step.isFinite {
                waited += wait
                total += step
            }
            return total > 0 ? waited / total : .nan
        }
    }
}
