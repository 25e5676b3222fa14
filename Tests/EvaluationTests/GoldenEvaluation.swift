import Diagnostics
import Evaluation
import Foundation

/// `Tests/Golden/evaluation.json`, which `make_evaluation.py` makes with numpy.
struct GoldenEvaluation: Decodable {
    struct Nearest: Decodable {
        let k: Int
        let accuracy: Double
    }

    struct Probe: Decodable {
        let name: String
        let epochs: Int
        let batch_size: Int
        let batch_norm: Bool
        let held_out_accuracies: [Double]
        let test_accuracies: [Double]
        let logits: [Double]
    }

    struct Settings: Decodable {
        let learning_rates: [Double]
        let weight_decays: [Double]
        let held_out: Double
        let seed: UInt64
        let fit: [Int]
    }

    let train: [Float]
    let test: [Float]
    let train_labels: [Int32]
    let test_labels: [Int32]
    let width: Int
    let classes: Int
    let temperature: Double
    let knn: [Nearest]
    let probes: [Probe]
    let probe_settings: Settings

    static func load() throws -> GoldenEvaluation {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Golden/evaluation.json")
        return try JSONDecoder().decode(GoldenEvaluation.self, from: Data(contentsOf: file))
    }

    var features: ProbeFeatures {
        ProbeFeatures(
            name: "last1",
            train: FeatureMatrix(rows: train_labels.count, columns: width, values: train),
            test: FeatureMatrix(rows: test_labels.count, columns: width, values: test))
    }

    var labels: ProbeLabels { ProbeLabels(train: train_labels, test: test_labels) }

    func settings(of probe: Probe) -> LinearProbe {
        LinearProbe(
            learningRates: probe_settings.learning_rates, weightDecays: probe_settings.weight_decays,
            epochs: probe.epochs, batchSize: probe.batch_size, heldOut: probe_settings.held_out,
            seed: probe_settings.seed)
    }
}
