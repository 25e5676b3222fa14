package import Kernels
import Networks
package import Safetensors
import TensorCore

/// Everything that a step changes, and so everything that a checkpoint holds.
///
/// Data order, crops and masks are functions of (seed, step), so no random state is kept.
package struct TrainingState<Backend: KernelBackend>: Sendable {
    /// Steps done.
    package var step = 0
    /// Encoder, predictor, projector: one flat vector.
    package let online: Tensor<Backend>
    /// The target encoder's parameters; the online encoder's own where they are shared.
    package let target: Tensor<Backend>
    package let firstMoments: Tensor<Backend>
    package let secondMoments: Tensor<Backend>
    /// Whether the target encoder has parameters of its own.
    package let targetIsSeparate: Bool
    private let onlinePacked: Backend.PackedWeights?
    private let targetPacked: Backend.PackedWeights?

    /// The online parameters as the networks read them.
    package var onlineParameters: Parameters<Backend> { Parameters(online, packed: onlinePacked) }
    /// The target encoder's parameters as it reads them.
    package var targetParameters: Parameters<Backend> { Parameters(target, packed: targetPacked) }

    /// Whether both encoders have the same weights: where they are shared, and before the first step.
    package var encodersAreEqual: Bool { !targetIsSeparate || step == 0 }

    /// - Parameter initialize: Fills the online parameters, which are zero; a separate target encoder begins as a copy
    ///   of the online encoder.
    package init(
        _ networks: MethodNetworks, targetIsSeparate: Bool, on backend: Backend,
        initialize: (Tensor<Backend>) -> Void
    ) {
        let shape = Shape(networks.count)
        let encoderShape = Shape(networks.encoder.layout.count)
        online = backend.makeTensor(shape)
        firstMoments = backend.makeTensor(shape)
        secondMoments = backend.makeTensor(shape)
        self.targetIsSeparate = targetIsSeparate
        initialize(online)
        let encoder = online.window(at: 0, encoderShape)
        if targetIsSeparate {
            target = backend.makeTensor(encoderShape)
            backend.copy(encoder, to: target)
        } else {
            target = encoder
        }
        onlinePacked = backend.makePackedWeights(of: networks.matrices, in: online)
        targetPacked =
            targetIsSeparate
            ? backend.makePackedWeights(of: networks.encoder.matrices(trained: false), in: target) : onlinePacked
        refreshPackedWeights(on: backend)
    }

    /// Brings all packed weights up to date with their values; after values were changed from outside a step.
    package func refreshPackedWeights(on backend: Backend) {
        if let onlinePacked { backend.refresh(onlinePacked, from: online, range: 0..<online.count) }
        if targetIsSeparate, let targetPacked {
            backend.refresh(targetPacked, from: target, range: 0..<target.count)
        }
    }

    /// Brings the packed weights of some elements up to date; see `KernelBackend.refresh` for how they may be cut.
    ///
    /// - Parameter target: Whether those of a target encoder of its own have changed too.
    func refreshPackedWeights(_ range: Range<Int>, target includesTarget: Bool, on backend: Backend) {
        if let onlinePacked { backend.refresh(onlinePacked, from: online, range: range) }
        if includesTarget, targetIsSeparate, let targetPacked {
            backend.refresh(targetPacked, from: target, range: range)
        }
    }

    /// Takes over everything of rank 0.
    func share(_ communicator: any Communicator, on backend: Backend) {
        let separate = targetIsSeparate ? [target] : []
        for flat in [online, firstMoments, secondMoments] + separate {
            for start in stride(from: 0, to: flat.count, by: 1 << 24) {
                let part = flat.window(at: start, Shape(min(1 << 24, flat.count - start)))
                backend.store(communicator.broadcast(backend.values(of: part), from: 0), in: part)
            }
        }
        refreshPackedWeights(on: backend)
    }

    /// The flat vectors by the name that their tensors carry in a checkpoint.
    private func groups(_ networks: MethodNetworks, moments: Bool) -> [Group] {
        var groups: [Group] = []
        let online = moments ? [("", online), ("adam_m.", firstMoments), ("adam_v.", secondMoments)] : [("", online)]
        for section in networks.sections {
            for (prefix, flat) in online {
                let part = flat.window(at: section.offset, Shape(section.layout.count))
                groups.append(Group(prefix: "\(prefix)\(section.name).", layout: section.layout, flat: part))
            }
        }
        if targetIsSeparate {
            groups.append(Group(prefix: "target_encoder.", layout: networks.encoder.layout, flat: target))
        }
        return groups
    }

    private struct Group {
        let prefix: String
        let layout: ParameterLayout
        let flat: Tensor<Backend>
    }

    /// Every tensor by name: "encoder.blocks.0.attn.qkv.weight", "target_encoder.…", "adam_m.encoder.…".
    ///
    /// Their bytes are those of the moment in which they are asked for, so use them before the next step.
    package func tensors(_ networks: MethodNetworks, on backend: Backend) -> [String: SafetensorsSource] {
        var tensors: [String: SafetensorsSource] = [:]
        for group in groups(networks, moments: true) {
            for entry in group.layout.entries {
                let values = entry.slot(group.flat)
                tensors[group.prefix + entry.name] = SafetensorsSource(.float32, shape: entry.storedShape) { take in
                    try Self.floats(backend.values(of: values)).withUnsafeBytes(take)
                }
            }
        }
        return tensors
    }

    /// Without a conversion of each number where the back end computes in Float.
    private static func floats(_ values: [Backend.Scalar]) -> [Float] {
        values as Any as? [Float] ?? values.map { Float($0) }
    }

    private static func scalars(_ values: [Float]) -> [Backend.Scalar] {
        values as Any as? [Backend.Scalar] ?? values.map { Backend.Scalar($0) }
    }

    /// Takes over what `tensors` wrote.
    ///
    /// - Parameter moments: Whether the optimiser's moments are read too.
    /// - Throws: `TrainingError` if a tensor is missing or has another shape.
    package func load(
        _ tensors: [String: SafetensorsTensor], moments: Bool = true, _ networks: MethodNetworks, on backend: Backend
    ) throws {
        for group in groups(networks, moments: moments) {
            for entry in group.layout.entries {
                let name = group.prefix + entry.name
                guard let tensor = tensors[name] else { throw TrainingError.missingTensor(name) }
                guard tensor.shape == entry.storedShape else {
                    throw TrainingError.wrongShape(name, expected: entry.storedShape, found: tensor.shape)
                }
                backend.store(Self.scalars(try tensor.floats()), in: entry.slot(group.flat))
            }
        }
        refreshPackedWeights(on: backend)
    }
}
