import Kernels
import Networks
import TensorCore

/// How far the two encoders' weights lie from each other and from where both began.
///
/// Relative distances: ‖a − b‖ / ‖b‖ over all parameters of a layer, or of the encoder. One tensor at a time is copied
/// to the host.
struct EncoderDistances: Sendable {
    /// "patch_embed", "blocks.0", …, "norm".
    let layers: [String]
    /// Target from context, relative to the context's weights; one for each of `layers`.
    let byLayer: [Double]
    /// The same over all layers.
    let total: Double
    /// Target, and context, from the initial weights, relative to those.
    let targetMovement: Double
    let contextMovement: Double

    init<Backend: KernelBackend>(_ settings: RunSettings, _ state: TrainingState<Backend>, on backend: Backend) {
        var sums: [String: Squares] = [:]
        var (target, context) = (Squares(), Squares())
        for entry in settings.networks.encoder.layout.entries {
            let online = backend.values(of: entry.slot(state.online)).map { Double($0) }
            let own = state.encodersAreEqual ? online : backend.values(of: entry.slot(state.target)).map { Double($0) }
            let initial = settings.initialValues(of: entry, network: "encoder").map { Double(Backend.Scalar($0)) }
            sums[Self.layer(of: entry.name), default: Squares()].add(own, to: online)
            target.add(own, to: initial)
            context.add(online, to: initial)
        }
        layers = sums.keys.sorted { Self.depth(of: $0) < Self.depth(of: $1) }
        byLayer = layers.map { sums[$0]?.ratio ?? .nan }
        // In the layers' order: a dictionary's own differs from process to process, and with it the last digits.
        total = layers.compactMap { sums[$0] }.reduce(into: Squares()) { $0.add($1) }.ratio
        targetMovement = target.ratio
        contextMovement = context.ratio
    }

    /// Σ (a − b)² and Σ b².
    private struct Squares {
        var difference = 0.0
        var reference = 0.0

        mutating func add(_ a: [Double], to b: [Double]) {
            for index in a.indices {
                let step = a[index] - b[index]
                difference += step * step
                reference += b[index] * b[index]
            }
        }

        mutating func add(_ other: Squares) {
            difference += other.difference
            reference += other.reference
        }

        var ratio: Double { difference == 0 ? 0 : (difference / reference).squareRoot() }
    }

    /// "blocks.3" of "blocks.3.attn.qkv.weight", "patch_embed" of "patch_embed.proj.bias".
    private static func layer(of name: String) -> String {
        let parts = name.split(separator: ".")
        return parts[0] == "blocks" ? parts.prefix(2).joined(separator: ".") : String(parts[0])
    }

    private static func depth(of layer: String) -> Int {
        if layer == "patch_embed" { return -1 }
        return layer.hasPrefix("blocks.") ? Int(layer.dropFirst("blocks.".count)) ?? .max : .max
    }
}
