import ExperimentSpec
import Foundation
package import Kernels
import Networks
import Objectives
import Safetensors
import TensorCore

/// How far a golden step may be from the file: relative to each tensor's largest magnitude, by group.
package struct GoldenTolerances: Sendable, Hashable {
    package let outputs: Double
    package let gradients: Double
    package let weights: Double

    /// Rounding of float32, a few times what was measured.
    package static let float32 = GoldenTolerances(outputs: 1e-5, gradients: 1e-4, weights: 1e-4)
    /// Rounding of bfloat16 (2⁻⁸) through a network, three times what was measured. AdamW's first steps go by the sign of
    /// each gradient, so that one near zero moves its weight by a whole step one way or the other.
    package static let bf16 = GoldenTolerances(outputs: 0.02, gradients: 0.04, weights: 0.08)
}

/// Runs a golden training step of an independent implementation through a back end and compares.
///
/// The file (Tests/Golden/README.md) holds parameters, a batch, masks, and what must come out: features, losses, every
/// gradient, and the weights after AdamW and EMA steps. Its metadata `config` gives the sizes.
package struct GoldenCheck<Backend: KernelBackend> {
    /// The comparison of one tensor.
    package struct Result: Codable, Sendable, Hashable {
        package enum Group: String, Codable, Sendable, CaseIterable {
            case outputs
            case gradients
            case weightsAfterSteps = "weights_after_steps"
        }

        package let group: Group
        package let tensor: String
        /// Largest difference over the tensor's largest magnitude; absent if anything is not a number.
        package let relativeError: Double?
        package let tolerance: Double

        package var passes: Bool { relativeError.map { $0 <= tolerance } ?? false }

        private enum CodingKeys: String, CodingKey {
            case group
            case tensor
            case relativeError = "relative_error"
            case tolerance
        }
    }

    /// Sizes from the metadata.
    private struct Config: Decodable {
        let image, patch, chans, dim, depth, heads, pdim, pdepth, batch, kc, kp, blocks: Int
    }

    private let file: SafetensorsFile
    private let config: Config
    private let backend: Backend
    private let networks: MethodNetworks
    private let batch: StepBatch
    private let limits: StepLimits
    private let threads: Int

    private let tolerances: GoldenTolerances

    /// - Throws: `SafetensorsError`, `TrainingError` if the file is not of the format.
    package init(
        path: String, on backend: Backend, shards: Int, threads: Int, tolerances: GoldenTolerances = .float32
    ) throws {
        let file = try SafetensorsFile(path: path)
        guard let metadata = file.metadata["config"] else {
            throw TrainingError(
                description: "\(path): the metadata has no \"config\" with the sizes; this is not a golden step")
        }
        let config: Config
        do {
            config = try JSONDecoder().decode(Config.self, from: Data(metadata.utf8))
        } catch {
            throw TrainingError(
                description: "\(path): metadata \"config\" must hold the integers image, patch, chans, dim, depth, "
                    + "heads, pdim, pdepth, batch, kc, kp, blocks: \(metadata)")
        }
        try Self.validate(config, path: path)
        self.file = file
        self.config = config
        self.backend = backend
        self.threads = threads
        self.tolerances = tolerances
        let hidden = try file.tensor("encoder.blocks.0.mlp.fc1.weight").shape
        let ratio = Double(hidden.first ?? 0) / Double(config.dim)
        let encoder = VisionTransformer(
            .init(
                imageSize: config.image, patchSize: config.patch, channels: config.chans, width: config.dim,
                depth: config.depth, heads: config.heads, mlpRatio: ratio))
        networks = MethodNetworks(
            encoder: encoder,
            predictor: TransformerPredictor(
                .init(
                    encoderWidth: config.dim, width: config.pdim, depth: config.pdepth, heads: config.heads,
                    mlpRatio: ratio, grid: encoder.settings.grid)))
        limits = StepLimits(
            imageCount: config.batch, blockCount: config.blocks, contextCount: config.kc, targetCount: config.kp,
            shards: min(shards, config.batch))
        let indices = { (name: String, count: Int) in
            let values = try file.tensor(name).int32s()
            guard values.count == count, values.allSatisfy({ $0 >= 0 && $0 < encoder.settings.patchCount }) else {
                throw TrainingError(description: "\(path): \(name) does not hold \(count) indices of patches")
            }
            return values
        }
        let images = try file.tensor("images").floats()
        guard images.count == config.batch * config.chans * config.image * config.image else {
            throw TrainingError(description: "\(path): images do not have the sizes of \"config\"")
        }
        batch = StepBatch(
            images: .whole(HostBuffer(images)), imageCount: config.batch,
            context: try indices("context_indices", config.batch * config.kc),
            targets: try indices("block_indices", config.blocks * config.batch * config.kp),
            blockCount: config.blocks)
    }

    private static func validate(_ config: Config, path: String) throws {
        let all = [
            config.image, config.patch, config.chans, config.dim, config.depth, config.heads, config.pdim,
            config.pdepth, config.kc, config.kp,
        ]
        guard all.allSatisfy({ $0 > 0 }), config.batch > 1, config.blocks > 1, config.image % config.patch == 0,
            config.dim % config.heads == 0, config.pdim % config.heads == 0, config.dim % 4 == 0, config.pdim % 4 == 0
        else {
            throw TrainingError(
                description: "\(path): the sizes in \"config\" fit no network (whole grid, heads that divide both "
                    + "widths, widths that are multiples of 4, at least two images and two blocks)")
        }
    }

    /// Every comparison, in the order outputs, gradients, weights.
    package func run() throws -> [Result] {
        var state = try initialState()
        let objective = StepObjective(
            prediction: SmoothL1(),
            terms: [ObjectiveTerm(VICReg(), weight: WeightSchedule(0.001), views: .predictions)])
        let step = TrainingStep(
            networks, objective: objective, targetRule: MovingAverageTarget(), limits: limits, backend: backend,
            threads: threads)
        let whole = TrainingStep(
            networks, objective: objective, targetRule: MovingAverageTarget(), limits: limits, backend: backend,
            threads: threads, work: .everything)
        return try targetFeatures(whole, state) + outputs(step, state) + gradients(step, state) + weights(step, &state)
    }

    private func initialState() throws -> TrainingState<Backend> {
        let state = TrainingState(networks, targetIsSeparate: true, on: backend) { _ in }
        try state.load(file.tensors, moments: false, networks, on: backend)
        return state
    }

    private func outputs(_ step: TrainingStep<Backend>, _ state: TrainingState<Backend>) throws -> [Result] {
        let metrics = try step.evaluate(batch, state: state)
        let shards = step.outputs
        let images = { (tensor: (ShardOutputs<Backend>) -> Tensor<Backend>) in
            shards.flatMap { backend.values(of: tensor($0)) }
        }
        let blocks = { (tensor: (ShardOutputs<Backend>) -> Tensor<Backend>) in
            (0..<config.blocks).flatMap { block in
                shards.flatMap { backend.values(of: tensor($0).slice(block..<(block + 1))) }
            }
        }
        var results = [
            try compare(.outputs, "out.context_features", images(\.contextFeatures)),
            try compare(.outputs, "out.target_blocks", blocks(\.targets)),
            try compare(.outputs, "out.predictions", blocks(\.predictions)),
        ]
        let count = Double(limits.blockCount * limits.imageCount * limits.targetCount * config.dim)
        let losses: [(ElementwiseLoss, String)] = [(.smoothL1, "out.smooth_l1"), (.l2, "out.mse"), (.l1, "out.l1")]
        for (loss, name) in losses {
            let sum = shards.reduce(0.0) {
                $0
                    + backend.elementwiseLoss(
                        loss, prediction: $1.predictions, target: $1.targets, scale: 1,
                        gradient: backend.makeTensor($1.predictions.shape))
            }
            results.append(try compare(.outputs, name, [sum / count]))
        }
        let parts = ["out.vicreg_invariance", "out.vicreg_variance", "out.vicreg_covariance"]
        for (name, value) in zip(
            parts + ["out.vicreg"], metrics.terms.array.dropFirst() + metrics.terms.array.prefix(1))
        {
            results.append(try compare(.outputs, name, [value]))
        }
        results.append(try compare(.outputs, "out.loss", [metrics.loss]))
        return results
    }

    /// Features of all patches, most of which a step does not need.
    private func targetFeatures(_ step: TrainingStep<Backend>, _ state: TrainingState<Backend>) throws -> [Result] {
        _ = try step.evaluate(batch, state: state)
        let values = step.outputs.flatMap { $0.targetFeatures.map { backend.values(of: $0) } ?? [] }
        return [try compare(.outputs, "out.target_features", values)]
    }

    private func gradients(_ step: TrainingStep<Backend>, _ state: TrainingState<Backend>) throws -> [Result] {
        let (_, flat) = try step.gradients(batch, state: state)
        return try compareParameters(.gradients, prefix: "grad.", flat)
    }

    private func weights(_ step: TrainingStep<Backend>, _ state: inout TrainingState<Backend>) throws -> [Result] {
        let series = try ["lr", "weight_decay", "momentum"].map { try file.tensor("steps.\($0)").floats() }
        guard let count = series.first?.count, series.allSatisfy({ $0.count == count }) else {
            throw TrainingError(description: "steps.lr, steps.weight_decay and steps.momentum differ in length")
        }
        var losses: [Double] = []
        for index in 0..<count {
            let hyperparameters = StepHyperparameters(
                learningRate: Double(series[0][index]), weightDecay: Double(series[1][index]),
                momentum: Double(series[2][index]))
            losses.append(try step(batch, hyperparameters, state: &state).loss)
        }
        var results = [try compare(.weightsAfterSteps, "steps.loss", losses)]
        results += try compareParameters(.weightsAfterSteps, prefix: "after.", state.online)
        for entry in networks.encoder.layout.entries {
            results.append(
                try compare(
                    .weightsAfterSteps, "after.target_encoder.\(entry.name)",
                    backend.values(of: entry.slot(state.target))))
        }
        return results
    }

    private func compareParameters(
        _ group: Result.Group, prefix: String, _ flat: Tensor<Backend>
    ) throws -> [Result] {
        try networks.sections.flatMap { section in
            let part = flat.window(at: section.offset, Shape(section.layout.count))
            return try section.layout.entries.map { entry in
                try compare(group, "\(prefix)\(section.name).\(entry.name)", backend.values(of: entry.slot(part)))
            }
        }
    }

    private func compare<Value: BinaryFloatingPoint>(
        _ group: Result.Group, _ name: String, _ actual: [Value]
    ) throws -> Result {
        let expected = try file.tensor(name).floats()
        guard expected.count == actual.count else {
            throw TrainingError(
                description: "\(name) holds \(expected.count) numbers, but the network has \(actual.count)")
        }
        var largest = 0.0
        var worst = 0.0
        var isNumber = true
        for (a, e) in zip(actual, expected) {
            let difference = abs(Double(a) - Double(e))
            isNumber = isNumber && difference.isFinite
            worst = max(worst, difference)
            largest = max(largest, abs(Double(e)))
        }
        let tolerance =
            switch group {
            case .outputs: tolerances.outputs
            case .gradients: tolerances.gradients
            case .weightsAfterSteps: tolerances.weights
            }
        return Result(
            group: group, tensor: name, relativeError: isNumber ? (largest > 0 ? worst / largest : worst) : nil,
            tolerance: tolerance)
    }
}
