import Diagnostics
import Evaluation
import Foundation

/// `Tests/Golden/logistic.json`, which `make_logistic.py` makes with scikit-learn.
struct GoldenLogistic: Decodable {
    struct Fit: Decodable {
        let c: Double
        /// [K, D], and [K] of mean zero.
        let coefficients: [Double]
        let intercepts: [Double]
        /// [test, K].
        let test_probabilities: [Double]
        let test_accuracy: Double
        let validated_loss: Double
        let validated_accuracy: Double
        let objective: Double
    }

    let train: [Float]
    let test: [Float]
    let train_labels: [Int32]
    let test_labels: [Int32]
    let width: Int
    let seed: UInt64
    let folds: Int
    let fold_of_row: [Int]
    let fits: [Fit]

    static func load() throws -> GoldenLogistic {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Golden/logistic.json")
        return try JSONDecoder().decode(GoldenLogistic.self, from: Data(contentsOf: file))
    }

    var features: ProbeFeatures {
        ProbeFeatures(
            name: "last1", train: FeatureMatrix(rows: train_labels.count, columns: width, values: train),
            test: FeatureMatrix(rows: test_labels.count, columns: width, values: test))
    }

    var labels: ProbeLabels { ProbeLabels(train: train_labels, test: test_labels) }

    func regression(tolerance: Double = 1e-8) -> LogisticRegression {
        LogisticRegression(strengths: fits.map(\.c), folds: folds, seed: seed, tolerance: tolerance)
    }
}
