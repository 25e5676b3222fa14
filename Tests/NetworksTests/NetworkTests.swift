import Kernels
import Networks
import Safetensors
import TensorCore
import TestSupport
import Testing

@Suite struct NetworkTests {
    private let backend = ReferenceBackend<Double>()

    /// The flat initial parameters of an encoder.
    private func initialValues(
        _ encoder: VisionTransformer, seed: UInt64, scheme: InitializationScheme, rescaled: Bool = false
    ) -> [Double] {
        var flat = [Double](repeating: 0, count: encoder.layout.count)
        for entry in encoder.layout.entries {
            let values = ParameterLayout.initialValues(
                of: entry, seed: seed, scheme: scheme, rescaled: rescaled, prefix: "encoder.")
            flat.replaceSubrange(entry.slot.offset..<(entry.slot.offset + values.count), with: values)
        }
        return flat
    }

    @Test("position embeddings agree with the golden tables")
    func positions() throws {
        let file = try Golden.safetensors("tiny.safetensors")
        for (name, width) in [("encoder.pos_embed", 48), ("predictor.predictor_pos_embed", 24)] {
            let table = PositionEmbedding.table(width: width, rows: 8, columns: 8)
            #expect(relativeError(table, try file.tensor(name).floats().map(Double.init)) <= 1e-6)
        }
    }

    @Test(
        "the presets have the published sizes",
        arguments: [
            (192, 12, 3, 5_486_400), (384, 12, 6, 21_589_632), (768, 12, 12, 85_646_592), (1024, 24, 16, 303_098_880),
        ])
    func presetSizes(width: Int, depth: Int, heads: Int, parameters: Int) {
        let encoder = VisionTransformer(
            .init(imageSize: 224, patchSize: 16, channels: 3, width: width, depth: depth, heads: heads))
        // 12 D² + 13 D per block, the patch embedding, the final norm; positions are not parameters.
        let formula = depth * (12 * width * width + 13 * width) + 768 * width + width + 2 * width
        #expect(encoder.layout.parameterCount == formula)
        #expect(encoder.layout.parameterCount == parameters)
    }

    @Test("parameters do not overlap and begin on multiples of 16")
    func layout() {
        let encoder = VisionTransformer(
            .init(imageSize: 12, patchSize: 3, channels: 1, width: 12, depth: 3, heads: 3))
        var taken = Set<Int>()
        for entry in encoder.layout.entries {
            #expect(entry.slot.offset % 16 == 0)
            for index in 0..<entry.slot.shape.count {
                #expect(taken.insert(entry.slot.offset + index).inserted)
            }
            #expect((entry.slot.offset < encoder.layout.decayingCount) == entry.decays)
            #expect(entry.decays == entry.name.hasSuffix("weight") && entry.slot.shape.rank > 1 || !entry.decays)
        }
        #expect((taken.max() ?? 0) < encoder.layout.count)
    }

    @Test("the encoder of some patches sees nothing of the others")
    func contextIsolation() {
        let encoder = VisionTransformer(.init(imageSize: 8, patchSize: 2, channels: 1, width: 8, depth: 2, heads: 2))
        let parameters = backend.constant(
            initialValues(encoder, seed: 1, scheme: .xavier), Shape(encoder.layout.count))
        let positions = encoder.positions(on: backend)
        let indices = backend.constant([0, 3, 10, 15] as [Int32], Shape(1, 4))
        func features(_ image: [Double]) -> [Double] {
            let workspace = Workspace(backend, capacity: 1_000)
            let output = encoder.features(
                backend.constant(image, Shape(1, 1, 8, 8)), indices: indices, parameters: Parameters(parameters),
                positions: positions, workspace: workspace, visit: { _, _ in })
            return backend.values(of: output)
        }
        var random = RandomStream(seed: 2, purpose: .tests)
        var image = (0..<64).map { _ in random.normal() }
        let before = features(image)
        image[2] += 1  // pixel (0, 2) lies in patch 1, which is hidden
        #expect(features(image) == before)
        image[0] += 1  // pixel (0, 0) lies in patch 0, which is seen
        #expect(features(image) != before)
    }

    @Test("BatchNorm of the projector sees each view by itself, or all together; memory is as planned")
    func projectorStatistics() {
        var random = RandomStream(seed: 4, purpose: .tests)
        let (views, images) = (3, 5)
        // Views of unlike scale, so that their own statistics differ from common ones.
        let values = (0..<views).map { view in (0..<(images * 8)).map { _ in Double(view + 1) * random.normal() } }
        for batchNorm in [Projector.BatchNorm.perView, .joint] {
            let projector = Projector(.mlp(input: 8, widths: [10, 7, 6], batchNorm: batchNorm))
            let parameters = backend.constant(
                (0..<projector.layout.count).map { _ in random.normal() }, Shape(projector.layout.count))
            /// Output, and gradients of parameters and input, for an output gradient of the output itself.
            func pass(_ values: [[Double]], images: Int) -> (output: [Double], gradients: [Double], dx: [Double]) {
                let shape = Shape(values.count, images, 8)
                let planned = projector.elements(views: values.count, images: images)
                let workspace = Workspace(backend, capacity: planned)
                let saved = projector.forward(
                    backend.constant(values.flatMap { $0 }, shape), parameters: parameters, workspace: workspace)
                let gradients = backend.constant(
                    [Double](repeating: 0, count: projector.layout.count), Shape(projector.layout.count))
                let dx = backend.makeTensor(shape)
                projector.backward(
                    saved, dy: saved.output, parameters: parameters, gradients: gradients, workspace: workspace, dx: dx)
                #expect(workspace.allocations == 1 && workspace.highWaterMark <= planned)
                return (backend.values(of: saved.output), backend.values(of: gradients), backend.values(of: dx))
            }
            let all = pass(values, images: images)
            let single = values.map { pass([$0], images: images) }
            let together = pass([values.flatMap { $0 }], images: views * images)
            let sums = single.map(\.gradients).reduce([Double](repeating: 0, count: projector.layout.count)) {
                zip($0, $1).map(+)
            }
            switch batchNorm {
            case .perView:
                #expect(all.output == single.flatMap(\.output) && all.dx == single.flatMap(\.dx))
                #expect(relativeError(all.gradients, sums) <= 1e-12)
                #expect(relativeError(all.output, together.output) > 0.01)
            case .joint:
                #expect(all == together)
                #expect(relativeError(all.output, single.flatMap(\.output)) > 0.01)
            }
        }
    }

    @Test("features without and with kept activations are equal, and use the memory that was planned")
    func featuresAgree() {
        let encoder = VisionTransformer(.init(imageSize: 8, patchSize: 2, channels: 2, width: 8, depth: 3, heads: 2))
        let parameters = backend.constant(
            initialValues(encoder, seed: 1, scheme: .truncatedNormal, rescaled: true), Shape(encoder.layout.count))
        var random = RandomStream(seed: 2, purpose: .tests)
        let images = backend.constant((0..<(3 * 128)).map { _ in random.normal() }, Shape(3, 2, 8, 8))
        let positions = encoder.positions(on: backend)
        let forward = encoder.forwardElements(images: 3, tokens: 16, on: backend)
        let featureMemory = encoder.featureElements(images: 3, tokens: 16, on: backend)
        let kept = Workspace(backend, capacity: forward.kept + forward.temporary)
        let full = encoder.forward(
            images, indices: nil, parameters: Parameters(parameters), positions: positions, workspace: kept)
        let (lean, temporary) = (
            Workspace(backend, capacity: featureMemory.kept), Workspace(backend, capacity: featureMemory.temporary)
        )
        lean.borrow(temporary)
        var visited: [Int] = []
        let features = encoder.features(
            images, parameters: Parameters(parameters), positions: positions, workspace: lean,
            visit: { layer, _ in visited.append(layer) })
        #expect(backend.values(of: full.output) == backend.values(of: features))
        #expect(visited == [0, 1, 2])
        // Here temporary memory is taken before all that stays: less than both together may do.
        #expect(kept.allocations == 1 && kept.highWaterMark >= forward.kept)
        #expect(lean.highWaterMark == featureMemory.kept)
        #expect(temporary.highWaterMark == featureMemory.temporary)
    }

    @Test("initial values follow their scheme and are shared by name")
    func initialization() {
        let small = VisionTransformer(.init(imageSize: 8, patchSize: 2, channels: 1, width: 64, depth: 1, heads: 2))
        let deep = VisionTransformer(.init(imageSize: 8, patchSize: 2, channels: 1, width: 64, depth: 2, heads: 2))
        func values(_ network: VisionTransformer, _ scheme: InitializationScheme, rescaled: Bool = false) -> [Double] {
            initialValues(network, seed: 9, scheme: scheme, rescaled: rescaled)
        }
        func part(_ all: [Double], _ network: VisionTransformer, _ name: String) -> [Double] {
            let slot = network.layout[name]
            return Array(all[slot.offset..<(slot.offset + slot.shape.count)])
        }
        let name = "blocks.0.mlp.fc1.weight"
        let normal = part(values(small, .truncatedNormal), small, name)
        #expect(normal == part(values(deep, .truncatedNormal), deep, name))
        let deviation = (normal.reduce(0) { $0 + $1 * $1 } / Double(normal.count)).squareRoot()
        #expect(abs(deviation - 0.02) <= 0.0005)
        let xavier = part(values(small, .xavier), small, name)
        let bound = (6.0 / Double(64 + 256)).squareRoot()
        #expect(xavier.allSatisfy { abs($0) <= bound } && (xavier.max() ?? 0) > 0.99 * bound)
        let rescaled = part(values(deep, .truncatedNormal, rescaled: true), deep, "blocks.1.mlp.fc2.weight")
        let plain = part(values(deep, .truncatedNormal), deep, "blocks.1.mlp.fc2.weight")
        for (a, b) in zip(rescaled, plain) { #expect(abs(a * 2 - b) <= 1e-12) }
        #expect(part(values(small, .xavier), small, "norm.weight").allSatisfy { $0 == 1 })
        #expect(part(values(small, .xavier), small, "norm.bias").allSatisfy { $0 == 0 })
    }
}
