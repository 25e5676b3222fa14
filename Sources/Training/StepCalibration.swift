package import ExperimentSpec
package import Kernels
import Networks
import TensorCore

/// Times a few steps of a configuration on noise, to predict how long a run takes.
package enum StepCalibration {
    package struct Result: Sendable {
        /// Median over the timed steps.
        package let secondsPerStep: Double
        package let imagesPerSecond: Double
        /// One image's share of extracting features from 32 at once, median.
        package let secondsPerFeature: Double
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
            secondsPerStep: median, imagesPerSecond: Double(configuration.training.batchSize) / median,
            secondsPerFeature: featureSeconds(
                trial.settings.networks.encoder, trial.state.targetParameters, on: backend, seconds: seconds / 4))
    }

    /// Seconds of an image on its way through the encoder without a backward pass, as evaluations do it.
    private static func featureSeconds<Backend: KernelBackend>(
        _ encoder: VisionTransformer, _ parameters: Parameters<Backend>, on backend: Backend, seconds: Double
    ) -> Double {
        let count = 32
        let settings = encoder.settings
        let images = backend.makeTensor(Shape(count, settings.channels, settings.imageSize, settings.imageSize))
        backend.fill(images, with: 0.5)
        let positions = encoder.positions(on: backend)
        let elements = encoder.featureElements(images: count, tokens: settings.patchCount, on: backend)
        let workspace = Workspace(backend, capacity: elements.kept + elements.temporary)
        let clock = ContinuousClock()
        let start = clock.now
        var durations: [Double] = []
        while durations.count < 3 || (clock.now - start < .seconds(seconds) && durations.count < 1000) {
            let duration = clock.measure {
                workspace.reset()
                _ = encoder.features(images, parameters: parameters, positions: positions, workspace: workspace)
            }
            durations.append(duration / .seconds(1))
        }
        return durations.sorted()[durations.count / 2] / Double(count)
    }
}
