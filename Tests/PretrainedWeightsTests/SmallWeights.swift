import Foundation
import Kernels
import Networks
import PretrainedWeights
import Safetensors
import TensorCore
import TestSupport

/// A small network's weights, all different: two encoders, a predictor, a projector and moments.
enum SmallWeights {
    static let geometry = VisionTransformer.Settings(
        imageSize: 12, patchSize: 4, channels: 3, width: 16, depth: 2, heads: 2)
    static let predictor = TransformerPredictor.Sizes(encoderWidth: 16, width: 8, depth: 1, heads: 2, grid: 3)
    /// What a checkpoint does not tell, and its run's plan does.
    static let hints = PretrainedWeights.Hints(heads: 2, rows: 3, columns: 3)

    static func tensors(prefix: String, _ layout: ParameterLayout, sample: Int) -> [String: SafetensorsTensor] {
        var tensors: [String: SafetensorsTensor] = [:]
        for (number, entry) in layout.entries.enumerated() {
            let values = normals(entry.slot.shape.count, sample: 1000 * sample + number).map { Float($0) }
            tensors[prefix + entry.name] = SafetensorsTensor(values, shape: entry.storedShape)
        }
        return tensors
    }

    /// As a run writes it.
    static func checkpoint() -> SafetensorsFile {
        var file = SafetensorsFile()
        file.metadata = ["format": "cjepa-exp checkpoint", "format_version": "1", "step": "7"]
        let encoder = VisionTransformer(geometry).layout
        for (sample, prefix) in ["encoder.", "target_encoder.", "adam_m.encoder.", "adam_v.encoder."].enumerated() {
            file.tensors.merge(tensors(prefix: prefix, encoder, sample: sample)) { $1 }
        }
        for (sample, prefix) in ["predictor.", "adam_m.predictor."].enumerated() {
            let layout = TransformerPredictor(predictor).layout
            file.tensors.merge(tensors(prefix: prefix, layout, sample: 10 + sample)) { $1 }
        }
        file.tensors["vicreg_projector.last.weight"] = SafetensorsTensor([1, 2, 3] as [Float], shape: [1, 3])
        return file
    }

    /// An encoder by itself under timm's names, with positions of its own.
    static func timm() -> SafetensorsFile {
        var file = SafetensorsFile()
        file.tensors = tensors(prefix: "", VisionTransformer(geometry).layout, sample: 20)
        file.tensors["pos_embed"] = SafetensorsTensor(
            normals(9 * 16, sample: 21).map { Float($0) }, shape: [1, 9, 16])
        return file
    }
}
