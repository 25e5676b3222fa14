package import ExperimentSpec
import Foundation
package import Kernels
import Synchronization

extension StepCalibration {
    /// Images per second of `runs` runs that train side by side in this process, each with `threads` threads, all
    /// together: they compete for caches, memory and clock as they would in earnest.
    ///
    /// - Parameter seconds: About how long they train; each takes three steps at least, after one to warm up.
    /// - Throws: `TrainingError` or `MaskError` for a configuration that cannot take a step.
    package static func imagesPerSecond<Backend: KernelBackend>(
        _ configuration: RunConfiguration, on makeBackend: @escaping @Sendable () -> Backend, runs: Int, threads: Int,
        seconds: Double
    ) throws -> Double {
        precondition(runs > 0 && threads > 0, "\(runs) runs with \(threads) threads")
        let results = Results()
        let done = DispatchGroup()
        for _ in 0..<runs {
            done.enter()
            let thread = Thread {
                let result = Swift.Result {
                    try measure(configuration, on: makeBackend(), threads: threads, seconds: seconds).imagesPerSecond
                }
                results.rates.withLock { $0.append(result) }
                done.leave()
            }
            thread.stackSize = 16 << 20
            thread.start()
        }
        done.wait()
        return try results.rates.withLock { try $0.reduce(0) { try $0 + $1.get() } }
    }

    private final class Results: Sendable {
        let rates = Mutex<[Swift.Result<Double, any Error>]>([])
    }
}
