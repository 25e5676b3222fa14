import Diagnostics
import Evaluation
import TensorCore

/// Classes as clouds around centres in `columns` dimensions: features that probes should get right mostly.
struct ClusteredFeatures {
    let features: ProbeFeatures
    let labels: ProbeLabels

    init(
        train: Int, test: Int, columns: Int, classes: Int, noise: Double = 0.5, scale: Float = 1, seed: UInt64,
        name: String = "last1"
    ) {
        var stream = RandomStream(seed: seed, purpose: .tests)
        let centres = (0..<classes * columns).map { _ in stream.normal() }
        func sample(_ rows: Int) -> (FeatureMatrix, [Int32]) {
            var values: [Float] = []
            var labels: [Int32] = []
            for _ in 0..<rows {
                let label = stream.integer(below: classes)
                labels.append(Int32(label))
                for j in 0..<columns {
                    values.append(scale * Float(centres[label * columns + j] + noise * stream.normal()))
                }
            }
            return (FeatureMatrix(rows: rows, columns: columns, values: values), labels)
        }
        let (trainFeatures, trainLabels) = sample(train)
        let (testFeatures, testLabels) = sample(test)
        features = ProbeFeatures(name: name, train: trainFeatures, test: testFeatures)
        labels = ProbeLabels(train: trainLabels, test: testLabels)
    }
}
