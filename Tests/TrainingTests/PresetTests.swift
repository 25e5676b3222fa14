import Declarations
import CPUKernels
import ExperimentSpec
import Kernels
import Masking
import Networks
import TensorCore
import Testing
import Training

/// The published encoders at 224², patch 16, on the smallest batch that VICReg allows.
@Suite(.serialized) struct PresetTests {
    @Test(
        "a preset constructs and takes a step", arguments: ModelConfiguration.Preset.allCases.filter { $0 != .custom })
    func takesAStep(preset: ModelConfiguration.Preset) throws {
        var configuration = RunConfiguration()
        configuration.apply(preset)
        configuration.set("objective.vicreg.weight", to: 0.001)
        configuration.training.batchSize = 2
        configuration.training.steps = 1
        configuration.resources.shards = 2
        let settings = try RunSettings(configuration)
        let backend = CPUBackend()
        let step = settings.step(on: backend, threads: 2)
        var state = settings.initialState(on: backend)
        let name = "blocks.0.attn.qkv.weight"
        let weight = settings.networks.encoder.layout[name]
        let before = backend.values(of: weight(state.online))

        let images = HostBuffer<Float>(count: 2 * 3 * 224 * 224)
        var random = RandomStream(seed: 1, purpose: .tests)
        for index in 0..<images.count { images[index] = Float(random.uniform(in: -1...1)) }
        let masks = settings.sampler.sample(seed: 1, step: 0, imageCount: 2)
        let batch = StepBatch(
            images: .whole(images), imageCount: 2, context: masks.context, targets: masks.targets,
            blockCount: masks.blocks)
        let metrics = try step(batch, settings.hyperparameters(at: 0), state: &state)
        #expect(metrics.loss > 0 && metrics.loss.isFinite)
        #expect(metrics.encoderGradientNorm > 0 && metrics.predictorGradientNorm > 0)
        let elements = step.workspaceElements
        #expect((elements.shards + elements.threads).allSatisfy { $0.used <= $0.planned })
        // What `plan` says of the step's memory is what the step plans.
        configuration.resources.threads = 2
        let planned = (elements.shards + elements.threads).reduce(0) { $0 + 4 * $1.planned }
        let predicted = CostEstimate(configuration).stepMemoryBytes
        #expect(abs(Double(predicted) / Double(planned) - 1) <= 0.02, "\(predicted) for \(planned)")
        #expect(backend.values(of: weight(state.online)) != before)
    }
}
