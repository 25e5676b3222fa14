import Diagnostics
import Kernels
import TensorCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// All heads of one kind of features as one wide linear map, so that a step is two products for the whole grid.
///
/// H heads of C classes: weights [H·C, D], ordered by learning rate, then weight decay, then class. Logits [n, H·C] are
/// also [n·H, C], rows of one head each.
final class LinearHeads<Backend: KernelBackend> {
    private let backend: Backend
    private let settings: LinearProbe
    private let batchNorm: Bool
    private let classes: Int
    private let heads: Int
    private let columns: Int
    private let labels: [Int32]

    /// Features to train on, [1, n, D], and a batch of them.
    private let features: Tensor<Backend>
    private let batch: Tensor<Backend>
    private let normalizedBatch: Tensor<Backend>
    private let logits: Tensor<Backend>
    private let mean: Tensor<Backend>
    private let rstd: Tensor<Backend>
    /// Weights [H·C, D], then biases [H·C], in one piece each; their gradients and momenta likewise.
    private let parameters: Tensor<Backend>
    private let gradients: Tensor<Backend>
    private let momenta: Tensor<Backend>

    private let epsilon = 1e-6
    private let momentum = 0.9

    /// - Parameters: features [n, D], n ≥ 1; labels [n], each in 0..<classes.
    init(
        features: FeatureMatrix, labels: [Int32], classes: Int, batchNorm: Bool, settings: LinearProbe,
        on backend: Backend
    ) {
        precondition(
            features.rows == labels.count && features.rows > 0, "\(features.rows) features for \(labels.count) labels")
        self.backend = backend
        self.settings = settings
        self.batchNorm = batchNorm
        self.classes = classes
        self.labels = labels
        columns = features.columns
        heads = settings.learningRates.count * settings.weightDecays.count
        let rows = min(settings.batchSize, features.rows)
        let outputs = heads * classes
        self.features = backend.tensor(features.values, Shape(1, features.rows, columns))
        batch = backend.zeros(Shape(rows, columns))
        normalizedBatch = backend.zeros(Shape(rows, columns))
        logits = backend.zeros(Shape(rows, outputs))
        mean = backend.zeros(Shape(columns))
        rstd = backend.zeros(Shape(columns))
        parameters = backend.zeros(Shape(outputs * (columns + 1)))
        gradients = backend.zeros(Shape(outputs * (columns + 1)))
        momenta = backend.zeros(Shape(outputs * (columns + 1)))
    }

    private func weights(_ store: Tensor<Backend>) -> Tensor<Backend> {
        store.window(at: 0, Shape(heads * classes, columns))
    }

    private func biases(_ store: Tensor<Backend>) -> Tensor<Backend> {
        store.window(at: heads * classes * columns, Shape(heads * classes))
    }

    /// Trains for all epochs, in a seeded order of the rows, the last batch of an epoch being what is left.
    func train() {
        let count = labels.count
        let batchesPerEpoch = (count + batch.shape[0] - 1) / batch.shape[0]
        let totalSteps = batchesPerEpoch * settings.epochs
        var step = 0
        for epoch in 0..<settings.epochs {
            var order = Array(0..<count)
            var stream = RandomStream(seed: settings.seed, purpose: .probe, epoch: epoch, sample: 0)
            stream.shuffle(&order)
            let rows = indexTensor(order.map { Int32($0) })
            // Each row's label once for every head.
            let targets = indexTensor(order.flatMap { repeatElement(labels[$0], count: heads) })
            for start in stride(from: 0, to: count, by: batch.shape[0]) {
                let size = min(batch.shape[0], count - start)
                let shareOfRate = 0.5 * (1 + cos(Double.pi * Double(step) / Double(totalSteps)))
                trainStep(
                    rows: rows.window(at: start, Shape(1, 1, size)),
                    targets: targets.window(at: start * heads, Shape(size * heads)), shareOfRate: shareOfRate)
                step += 1
            }
        }
    }

    /// - Parameters: rows [1, 1, n] of `features`, targets [n·H].
    private func trainStep(rows: IndexTensor<Backend>, targets: IndexTensor<Backend>, shareOfRate: Double) {
        let size = rows.count
        var x = batch.window(at: 0, Shape(size, columns))
        backend.gatherBlocks(features, indices: rows, to: x.reshaped(Shape(1, 1, size, columns)))
        if batchNorm {
            let y = normalizedBatch.window(at: 0, Shape(size, columns))
            backend.batchNorm(
                x, gamma: nil, beta: nil, epsilon: Backend.Scalar(epsilon), mean: mean, rstd: rstd, to: y)
            x = y
        }
        let output = logits.window(at: 0, Shape(size, heads * classes))
        backend.linear(x, weight: weights(parameters), bias: biases(parameters), to: output)
        let byHead = output.reshaped(Shape(size * heads, classes))
        _ = backend.softmaxCrossEntropy(
            logits: byHead, labels: targets, scale: Backend.Scalar(1 / Double(size)), gradient: byHead)
        backend.fill(gradients, with: 0)
        backend.linearBackwardWeight(
            x, dy: output, dWeight: weights(gradients), dBias: biases(gradients))
        update(shareOfRate: shareOfRate)
    }

    /// g += λ · w; v = μ · v + g; w −= rate · (g + μ · v), as PyTorch's SGD with Nesterov momentum.
    private func update(shareOfRate: Double) {
        let decays = settings.weightDecays.count
        for head in 0..<heads where settings.weightDecays[head % decays] != 0 {
            let rows = head * classes..<(head + 1) * classes
            backend.add(
                weights(parameters).slice(rows), times: Backend.Scalar(settings.weightDecays[head % decays]),
                to: weights(gradients).slice(rows))
        }
        backend.scale(momenta, by: Backend.Scalar(momentum))
        backend.add(gradients, times: 1, to: momenta)
        for (group, learningRate) in settings.learningRates.enumerated() {
            // Heads of one learning rate are neighbours.
            let rows = group * decays * classes..<(group + 1) * decays * classes
            let rate = -learningRate * shareOfRate
            for part in [weights, biases] {
                let target = part(parameters).slice(rows)
                backend.add(part(gradients).slice(rows), times: Backend.Scalar(rate), to: target)
                backend.add(part(momenta).slice(rows), times: Backend.Scalar(rate * momentum), to: target)
            }
        }
    }

    /// What a head makes of rows: the share that it classifies right, and the class of each.
    struct Classified {
        /// NaN for a head whose outputs are not finite, and without rows.
        let accuracy: Double
        /// [rows].
        let classes: [Int32]
    }

    /// What every head makes of `features`, [H]. Of equal logits the lowest class counts.
    func classify(_ features: FeatureMatrix, labels: [Int32]) -> [Classified] {
        precondition(features.rows == labels.count, "\(features.rows) features for \(labels.count) labels")
        let logits = logits(of: features)
        return (0..<heads).map { head in
            var right = 0
            var isFinite = features.rows > 0
            let classes = labels.indices.map { row in
                let start = (row * heads + head) * self.classes
                var best = 0
                for label in 0..<self.classes {
                    if !logits[start + label].isFinite { isFinite = false }
                    if logits[start + label] > logits[start + best] { best = label }
                }
                if best == Int(labels[row]) { right += 1 }
                return Int32(best)
            }
            return Classified(accuracy: isFinite ? Double(right) / Double(labels.count) : .nan, classes: classes)
        }
    }

    /// Logits of all heads, [rows, H, C]; BatchNorm by the statistics of all rows that were trained on.
    func logits(of features: FeatureMatrix) -> [Float] {
        precondition(features.columns == columns, "[\(features.rows), \(features.columns)] features, not of \(columns)")
        guard features.rows > 0 else { return [] }
        var x = backend.tensor(features.values, Shape(features.rows, columns))
        if batchNorm {
            let fitted = self.features.reshaped(Shape(labels.count, columns))
            backend.batchNorm(
                fitted, gamma: nil, beta: nil, epsilon: Backend.Scalar(epsilon), mean: mean, rstd: rstd,
                to: backend.zeros(fitted.shape))
            let y = backend.zeros(x.shape)
            backend.normalizeColumns(x, mean: mean, factor: rstd, to: y)
            x = y
        }
        let output = backend.zeros(Shape(features.rows, heads * classes))
        backend.linear(x, weight: weights(parameters), bias: biases(parameters), to: output)
        return backend.floats(of: output)
    }

    private func indexTensor(_ values: [Int32]) -> IndexTensor<Backend> {
        let tensor = IndexTensor<Backend>(
            buffer: backend.makeIndexBuffer(count: values.count), shape: Shape(values.count))
        backend.upload(HostBuffer(values), at: 0, to: tensor)
        return tensor
    }
}
