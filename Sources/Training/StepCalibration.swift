package import ExperimentSpec
package import Kernels

/// Times a few steps of a configuration on noise, to compare ways of running it.
package enum StepCalibration {
    package struct Result: Sendable {
        /// Median over the timed steps.
        package let secondsPerStep: Double
        package let imagesPerSecond: Double
    }

    /// - Parameter seconds: Stop after about this long; at least three steps are timed after one to warm up, of fewer
    ///   images where steps are long.
    package static func measure<Backend: KernelBackend>(
        _ configuration: RunConfiguration, on backend: Backend, threads: Int, seconds: Double
    ) throws -> Result {
        let trial = try TrialRun(configuration, on: backend, threads: threads, enough: TrialSize.enough)
        _ = try trial.take()
        var durations: [Double] = []
        var elapsed = 0.0
        while durations.count < 3 || (elapsed < seconds && durations.count < 1000) {
            let step = try trial.take()
            durations.append(trial.stepSeconds(step))
            elapsed += step.seconds
        }
        let median = durations.sorted()[durations.count / 2]
        return Result(
            secondsPerStep: median, imagesPerSecond: Double(configuration.training.batchSize) / median)
    }
}
