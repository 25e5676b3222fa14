package import ExperimentSpec
package import Kernels
import Masking
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
        var configuration = configuration
        configuration.training.steps = configuration.training.steps ?? 1
        let settings = try RunSettings(configuration)
        let step = settings.step(on: backend, threads: threads)
        var state = settings.initialState(on: backend)
        let encoder = settings.networks.encoder.settings
        let batchSize = settings.limits.imageCount
        let images = HostBuffer<Float>(
            count: batchSize * encoder.channels * encoder.imageSize * encoder.imageSize)
        var random = RandomStream(seed: 0, purpose: .tests)
        for index in 0..<images.count { images[index] = Float(random.uniform(in: -1...1)) }

        let clock = ContinuousClock()
        let start = clock.now
        var durations: [Double] = []
        var count = 0
        while count < 4 || (clock.now - start < .seconds(seconds) && count < 1000) {
            let masks = settings.sampler.sample(seed: 0, step: count, imageCount: batchSize)
            let batch = StepBatch(
                images: .whole(images), imageCount: batchSize, context: masks.context, targets: masks.targets,
                blockCount: masks.blocks)
            let hyperparameters = StepHyperparameters(learningRate: 1e-5, weightDecay: 0, momentum: 0.999)
            let duration = try clock.measure { _ = try step(batch, hyperparameters, state: &state) }
            if count > 0 { durations.append(duration / .seconds(1)) }
            count += 1
        }
        let median = durations.sorted()[durations.count / 2]
        return Result(
            secondsPerStep: median, imagesPerSecond: Double(batchSize) / median,
            secondsPerFeature: featureSeconds(
                settings.networks.encoder, state.targetParameters, on: backend, seconds: seconds / 4))
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
