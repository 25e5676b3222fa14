import Kernels
import TensorCore

/// The penalised loss of multinomial logistic regression on some of the rows, and its gradient.
///
/// f = (1/m) · Σ −log softmax(W·x + b)[label] + ½·λ·‖W‖², λ = 1 / (C·m), over m rows: scikit-learn's
/// C · Σ loss + ½·‖W‖², divided by C·m. Biases are not penalised. Parameters: weights [K, D], then biases [K].
final class LogisticObjective<Backend: KernelBackend> {
    private let backend: Backend
    private let features: Tensor<Backend>
    private let labels: IndexTensor<Backend>
    private let pieces: [Range<Int>]
    private let classes: Int
    private let columns: Int
    private let rowsAtOnce: Int
    private let parameters: Tensor<Backend>
    private let gradients: Tensor<Backend>
    private let logits: Tensor<Backend>

    /// Rows that it is about, m.
    let rows: Int
    /// λ.
    var penalty = 0.0

    /// - Parameters:
    ///   - features: Of all rows, [n, D].
    ///   - labels: [n], each in 0..<classes.
    ///   - pieces: The rows that count.
    init(
        features: Tensor<Backend>, labels: IndexTensor<Backend>, classes: Int, pieces: [Range<Int>],
        on backend: Backend
    ) {
        self.backend = backend
        self.features = features
        self.labels = labels
        self.classes = classes
        self.pieces = pieces.filter { !$0.isEmpty }
        columns = features.shape[1]
        rows = pieces.reduce(0) { $0 + $1.count }
        parameters = backend.zeros(Shape(classes * (columns + 1)))
        gradients = backend.zeros(Shape(classes * (columns + 1)))
        rowsAtOnce = min(Self.rowsAtOnce(columns: columns), max(1, pieces.map(\.count).max() ?? 1))
        logits = backend.zeros(Shape(rowsAtOnce, classes))
    }

    /// As many as stay in a second-level cache (half a MiB of Float), and not so few that the weights are read for little.
    private static func rowsAtOnce(columns: Int) -> Int { max(64, 131_072 / max(columns, 1)) }

    private func weights(_ store: Tensor<Backend>) -> Tensor<Backend> { store.window(at: 0, Shape(classes, columns)) }

    private func biases(_ store: Tensor<Backend>) -> Tensor<Backend> {
        store.window(at: classes * columns, Shape(classes))
    }

    /// f at a point, and its gradient.
    func callAsFunction(_ point: [Double], gradient: inout [Double]) -> Double {
        backend.store(point.map { Backend.Scalar($0) }, in: parameters)
        backend.fill(gradients, with: 0)
        var loss = 0.0
        for piece in pieces {
            // Rows are still in the cache when their part of the gradient reads them.
            for start in stride(from: piece.lowerBound, to: piece.upperBound, by: rowsAtOnce) {
                let part = start..<min(start + rowsAtOnce, piece.upperBound)
                let x = features.slice(part)
                let output = logits.window(at: 0, Shape(part.count, classes))
                backend.linear(x, weight: weights(parameters), bias: biases(parameters), to: output)
                loss += backend.softmaxCrossEntropy(
                    logits: output, labels: labels.window(at: start, Shape(part.count)),
                    scale: Backend.Scalar(1 / Double(rows)), gradient: output)
                backend.linearBackwardWeight(x, dy: output, dWeight: weights(gradients), dBias: biases(gradients))
            }
        }
        loss /= Double(rows)
        var squares = 0.0
        let values = backend.values(of: gradients)
        for index in values.indices {
            gradient[index] = Double(values[index])
            guard index < classes * columns else { continue }
            gradient[index] += penalty * point[index]
            squares += point[index] * point[index]
        }
        return loss + 0.5 * penalty * squares
    }

    /// Σ −log softmax[label] over rows of the features, and the class of each; of equal logits the lowest class counts.
    func score(_ point: [Double], rows range: Range<Int>) -> (loss: Double, classes: [Int32]) {
        guard !range.isEmpty else { return (0, []) }
        let x = features.slice(range)
        let output = backend.zeros(Shape(range.count, classes))
        backend.store(point.map { Backend.Scalar($0) }, in: parameters)
        backend.linear(x, weight: weights(parameters), bias: biases(parameters), to: output)
        let chosen = Self.largest(backend.values(of: output), classes: classes)
        let loss = backend.softmaxCrossEntropy(
            logits: output, labels: labels.window(at: range.lowerBound, Shape(range.count)), scale: 1,
            gradient: output)
        return (loss, chosen)
    }

    /// Logits of other rows, [rows, K].
    func logits(of others: Tensor<Backend>, _ point: [Double]) -> [Backend.Scalar] {
        let output = backend.zeros(Shape(others.shape[0], classes))
        backend.store(point.map { Backend.Scalar($0) }, in: parameters)
        backend.linear(others, weight: weights(parameters), bias: biases(parameters), to: output)
        return backend.values(of: output)
    }

    /// The class of the largest of each row's logits, the first of equals.
    static func largest(_ logits: [Backend.Scalar], classes: Int) -> [Int32] {
        stride(from: 0, to: logits.count, by: classes).map { start in
            var best = 0
            for label in 1..<max(classes, 1) where logits[start + label] > logits[start + best] { best = label }
            return Int32(best)
        }
    }
}
