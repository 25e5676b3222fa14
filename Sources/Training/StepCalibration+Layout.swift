package import ExperimentSpec
package import Kernels

extension StepCalibration {
    /// Images per second of `runs` runs that train side by side in this process, each with `threads` threads, all
    /// together: they compete for caches, memory and clock as they would in earnest.
    ///
    /// - Parameter seconds: About how long they train; each takes three steps at least, after one to warm up.
    /// - Throws: `TrainingError` or `MaskError` for a configuration that cannot take a step, `ThreadRefused`.
    package static func imagesPerSecond<Backend: KernelBackend>(
        _ configuration: RunConfiguration, on makeBackend: @escaping @Sendable () -> Backend, runs: Int, threads: Int,
        seconds: Double
    ) throws -> Double {
        precondition(runs > 0 && threads > 0, "\(runs) runs with \(threads) threads")
        return try SideBySide.map(runs) { _ in
            try measure(configuration, on: makeBackend(), threads: threads, seconds: seconds).imagesPerSecond
        }.reduce(0, +)
    }
}
