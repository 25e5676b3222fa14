package import ExperimentSpec
package import Kernels

/// Times a few steps of a configuration on noise, to compare ways of running it.
package enum StepCalibration {
    package struct Result: Sendable {
        /// Median over the timed steps.
        package let secondsPerStep: Double
        package let imagesPerSecond: Double
    }

    /// - Parameter seconds: Stop after about this long; at least three steps are timed after one to warm up.
    package static func measure<Backend: KernelBackend>(
        _ configuration: RunConfiguration, on backend: Backend, threads: Int, seconds: Double
    ) throws -> Result {
        let trial = try TrialRun(configuration, on: backend, threads: threads)
        _ = try trial.take()
        var durations: [Double] = []
        var elapsed = 0.0
        while durations.count < 3 || (elapsed < seconds && durations.count < 1000) {
            durations.append(try trial.take().seconds)
            elapsed += durations[durations.count - 1]
        }
        let median = durations.sorted()[durations.count / 2]
        return Result(
            secondsPerStep: median, imagesPerSecond: Double(configuration.training.batchSize) / median)
    }
}
