import CPUKernels
import Datasets
import Kernels
import Networks
import Synchronization
import TensorCore
import Testing

@testable import Training

/// Features of images by an encoder's weights, handed over a few at a time.
@Suite struct EncoderFeaturesTests {
    private static let settings = VisionTransformer.Settings(
        imageSize: 8, patchSize: 4, channels: 1, width: 24, depth: 6, heads: 3)

    /// 70 images: two whole chunks and a part of one.
    private static let images: ImageDataset = {
        let pixels = (0..<(70 * 64)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        return ImageDataset(
            name: "noise", channels: 1, height: 8, width: 8, classCount: 1, pixels: pixels, labels: nil)
    }()

    private static func weights(depth: Int = settings.depth, positions: [Float]? = nil) throws -> EncoderWeights {
        var settings = settings
        settings.depth = depth
        let layout = VisionTransformer(settings).layout
        var flat = [Float](repeating: 0, count: layout.count)
        for entry in layout.entries {
            // Of a name, not of a place: a part of the blocks is the beginning of all of them.
            let seed = entry.name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
            let isGain = entry.name.hasSuffix("weight") && entry.name.contains("norm")
            for index in 0..<entry.slot.shape.count {
                let noise = Float((seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15) >> 40) / Float(1 << 24) - 0.5
                flat[entry.slot.offset + index] = isGain ? 1 + noise / 4 : noise / 3
            }
        }
        return try EncoderWeights(settings, parameters: flat, positions: positions)
    }

    private static func features<Backend: KernelBackend>(
        _ weights: EncoderWeights, _ output: EncoderOutput, on backend: Backend, threads: Int = 1, from first: Int = 0
    ) throws -> [Float] {
        let width = weights.shape(of: output).reduce(1, *)
        let all = Mutex([Float](repeating: .nan, count: images.count * width))
        try EncoderFeatures(weights, backend: backend, threads: threads).stream(of: images, from: first, output) {
            rows, values in
            #expect(values.count == rows.count * width)
            all.withLock {
                $0.replaceSubrange(rows.lowerBound * width..<rows.upperBound * width, with: values)
            }
        }
        return all.withLock { Array($0[(first * width)...]) }
    }

    private static let outputs: [EncoderOutput] = [
        .mean(layer: nil), .mean(layer: 2), .patches(layer: nil), .patches(layer: 5), .lastFour,
    ]

    @Test(arguments: outputs)
    func `features do not depend on threads, nor on where one goes on`(_ output: EncoderOutput) throws {
        let weights = try Self.weights()
        let whole = try Self.features(weights, output, on: CPUBackend())
        #expect(whole.allSatisfy { $0.isFinite })
        #expect(try Self.features(weights, output, on: CPUBackend(), threads: 2) == whole)
        #expect(try Self.features(weights, output, on: CPUBackend(), threads: 5) == whole)
        for first in [32, 64] {
            let rest = try Self.features(weights, output, on: CPUBackend(), from: first)
            #expect(rest == Array(whole.suffix(rest.count)) && !rest.isEmpty)
        }
    }

    @Test(arguments: outputs)
    func `the fast back end agrees with the definition in Double`(_ output: EncoderOutput) throws {
        let weights = try Self.weights()
        let exact = try Self.features(weights, output, on: ReferenceBackend<Double>())
        let fast = try Self.features(weights, output, on: CPUBackend())
        // Sums of some hundred products in float32, of numbers near 1.
        #expect(zip(exact, fast).allSatisfy { abs($0 - $1) <= 2e-5 })
        let narrow = try Self.features(weights, output, on: CPUBackend(precision: .bf16))
        // Operands have 8 bits.
        #expect(zip(exact, narrow).allSatisfy { abs($0 - $1) <= 0.1 })
    }

    @Test func `a layer's output is that of an encoder that ends there`() throws {
        for layer in 1...Self.settings.depth {
            let shorter = try Self.weights(depth: layer)
            for (output, whole) in [
                (EncoderOutput.mean(layer: layer), EncoderOutput.mean(layer: nil)),
                (.patches(layer: layer), .patches(layer: nil)),
            ] {
                let found = try Self.features(Self.weights(), output, on: CPUBackend())
                #expect(try Self.features(shorter, whole, on: CPUBackend()) == found, "\(layer)")
            }
        }
    }

    @Test func `means are those of the patches, and the last four are those of their layers`() throws {
        let (weights, width) = (try Self.weights(), Self.settings.width)
        let patches = try Self.features(weights, .patches(layer: 3), on: CPUBackend())
        let means = try Self.features(weights, .mean(layer: 3), on: CPUBackend())
        for image in 0..<Self.images.count {
            for column in 0..<width {
                let sum = (0..<4).reduce(Float(0)) { $0 + patches[(image * 4 + $1) * width + column] }
                #expect(abs(sum / 4 - means[image * width + column]) <= 1e-6)
            }
        }
        let four = try Self.features(weights, .lastFour, on: CPUBackend())
        for place in 0..<4 {
            let layer = try Self.features(weights, .mean(layer: 3 + place), on: CPUBackend())
            for image in 0..<Self.images.count {
                let start = (image * 4 + place) * width
                #expect(four[start..<(start + width)] == layer[(image * width)..<((image + 1) * width)])
            }
        }
        // Of an encoder of two blocks it is both.
        #expect(try Self.weights(depth: 2).shape(of: .lastFour) == [2 * width])
    }

    @Test func `positions that come with the weights are used`() throws {
        let own = try Self.features(Self.weights(), .mean(layer: nil), on: CPUBackend())
        let table = PositionEmbedding.table(width: Self.settings.width, rows: 2, columns: 2).map { Float($0) }
        let same = try Self.features(Self.weights(positions: table), .mean(layer: nil), on: CPUBackend())
        #expect(same == own)
        let others = try Self.features(
            Self.weights(positions: table.map { $0 + 0.25 }), .mean(layer: nil), on: CPUBackend())
        #expect(others != own && others.allSatisfy { $0.isFinite })
    }

    @Test func `weights of another size are refused`() throws {
        #expect(throws: TrainingError.self) { try EncoderWeights(Self.settings, parameters: [0, 1]) }
        #expect(throws: TrainingError.self) { try Self.weights(positions: [0]) }
        #expect(try Self.weights().fingerprint == Self.weights().fingerprint)
        #expect(try Self.weights().fingerprint != Self.weights(depth: 5).fingerprint)
    }

    @Test func `what takes features may fail, and nothing before it is lost`() throws {
        struct Full: Error {}
        let taken = Mutex<[Int]>([])
        #expect(throws: Full.self) {
            try EncoderFeatures(Self.weights(), backend: CPUBackend(), threads: 2).stream(
                of: Self.images, from: 0, .mean(layer: nil)
            ) { rows, _ in
                if rows.lowerBound == 32 { throw Full() }
                taken.withLock { $0.append(rows.lowerBound) }
            }
        }
        #expect(taken.withLock { $0.contains(0) })
    }
}
