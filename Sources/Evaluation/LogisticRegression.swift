import Diagnostics
import Dispatch
import Synchronization
import TensorCore

package import Kernels

/// Multinomial logistic regression with an L2 penalty, solved to its optimum for each strength of the penalty, the strength
/// chosen by cross-validation over all training rows.
///
/// Features are standardised by mean and standard deviation (divided by n) over all training rows, as scikit-learn's
/// StandardScaler does; a column whose deviation is below a millionth of its mean counts as constant and is zero. The
/// objective is scikit-learn's: C · Σ loss + ½·‖W‖², biases not penalised; C is the same for all folds.
///
/// Nothing in it is stochastic but which rows make a fold. The strength of least cross-validated log loss is taken, of
/// equals the smallest C: the log loss differs between neighbours where accuracies are tied. Penalties are tried from the
/// strongest to the weakest, each fit starting from the one before, and no weaker one after that loss has risen.
package struct LogisticRegression: Sendable, Hashable {
    /// C of scikit-learn, ascending: the larger, the weaker the penalty.
    package let strengths: [Double]
    package let folds: Int
    /// Decides the folds.
    package let seed: UInt64
    /// gᵀ·M·g at which a fit ends; see `QuasiNewton`.
    package var tolerance: Double

    /// Up to so many columns D the products of columns are factored, which takes memory for D² numbers. With their diagonal
    /// alone a fit to raw pixels takes hundreds of passes over the rows where it takes ten with the factor.
    static let largestFactored = 8192

    package init(strengths: [Double], folds: Int, seed: UInt64, tolerance: Double = 1e-6) {
        precondition(
            !strengths.isEmpty && strengths.allSatisfy { $0 > 0 && $0.isFinite }, "strengths \(strengths) of a penalty")
        precondition(folds >= 2, "cross-validation over \(folds) folds")
        self.strengths = strengths.sorted()
        self.folds = folds
        self.seed = seed
        self.tolerance = tolerance
    }

    /// The fits, in ascending order of C, up to the first whose cross-validated loss is higher than that before.
    ///
    /// - Parameter threads: Folds are fitted at once; no result depends on it.
    /// - Returns: None where a feature is not finite, or there are too few rows.
    package func fits<Backend: KernelBackend>(
        of features: ProbeFeatures, labels: ProbeLabels, on backend: Backend, threads: Int = 1
    ) -> [LogisticFit] {
        labels.check(features)
        let columns = features.train.columns
        guard features.isFinite, features.train.rows >= 2, columns > 0 else { return [] }
        let split = StratifiedFolds(
            labels: labels.train, classes: labels.classes, count: min(folds, features.train.rows), seed: seed)
        let scaling = Standardization(features.train)
        let ordered = scaling.applied(to: features.train.selecting(rows: split.order))
        let train = backend.tensor(ordered.values, Shape(ordered.rows, columns))
        let labelsInOrder = split.order.map { labels.train[$0] }
        let targets = IndexTensor<Backend>(
            buffer: backend.makeIndexBuffer(count: ordered.rows), shape: Shape(ordered.rows))
        backend.upload(HostBuffer(labelsInOrder), at: 0, to: targets)
        let test = scaling.applied(to: features.test)
        let square = Self.square(train, scaling, on: backend, threads: threads)

        // The first problem is all rows; then all but those of each fold, where there is something to choose.
        let isChoice = strengths.count > 1
        let heldOut: [Range<Int>] = [0..<0] + (isChoice ? split.ranges : [])
        let paths = heldOut.map { held in
            Path(
                LogisticObjective(
                    features: train, labels: targets, classes: labels.classes,
                    pieces: [0..<held.lowerBound, held.upperBound..<ordered.rows], on: backend), heldOut: held,
                parameters: labels.classes * (columns + 1), labels: labelsInOrder)
        }
        var fits: [LogisticFit] = []
        for strength in strengths {
            let bound = CurvatureBound(
                square: square, classes: labels.classes, penalty: 1 / (strength * Double(ordered.rows)), on: backend,
                threads: threads)
            let solver = QuasiNewton(tolerance: tolerance, noise: 2 * Double(Backend.Scalar.ulpOfOne))
            let workers = max(1, min(threads, paths.count))
            DispatchQueue.concurrentPerform(iterations: workers) { worker in
                for index in stride(from: worker, to: paths.count, by: workers) {
                    paths[index].advance(to: strength, solver, bound)
                }
            }
            let fit = fit(strength, paths, test: test, labels: labels, on: backend)
            let hasRisen = fits.last.map { fit.validatedLoss > $0.validatedLoss } ?? false
            fits.append(fit)
            if hasRisen { break }
        }
        return fits
    }

    private func fit<Backend: KernelBackend>(
        _ strength: Double, _ paths: [Path<Backend>], test: FeatureMatrix, labels: ProbeLabels, on backend: Backend
    ) -> LogisticFit {
        let whole = paths[0].current
        let validated = paths.dropFirst().map(\.current)
        let rows = Double(labels.train.count)
        var predictions: [Int32] = []
        if test.rows > 0 {
            let others = backend.tensor(test.values, Shape(test.rows, test.columns))
            predictions = LogisticObjective<Backend>.largest(
                paths[0].objective.logits(of: others, whole.parameters), classes: labels.classes)
        }
        let right = zip(predictions, labels.test).count { $0 == $1 }
        return LogisticFit(
            strength: strength,
            validatedLoss: validated.isEmpty ? .nan : validated.reduce(0) { $0 + $1.heldOutLoss } / rows,
            validatedAccuracy: validated.isEmpty
                ? .nan : Double(validated.reduce(0) { $0 + $1.heldOutRight }) / rows,
            testAccuracy: test.rows > 0 ? Double(right) / Double(test.rows) : .nan, predictions: predictions,
            parameters: whole.parameters, iterations: whole.iterations, objective: whole.value)
    }

    /// Xᵀ·X/n, or its diagonal where there are very many columns.
    private static func square<Backend: KernelBackend>(
        _ features: Tensor<Backend>, _ scaling: Standardization, on backend: Backend, threads: Int
    ) -> FeatureSquare<Backend> {
        guard features.shape[1] <= Self.largestFactored else {
            return .diagonal(scaling.factor.map { $0 == 0 ? 0 : 1 })
        }
        return .whole(
            TrianglePanels(squareOf: features, scale: 1 / Double(features.shape[0]), on: backend, threads: threads))
    }
}

/// What one strength of the penalty reaches.
package struct LogisticFit: Sendable, Hashable {
    /// C.
    package let strength: Double
    /// Mean −log p and share of right classes of the training rows, each by the fit without its fold; NaN without choice.
    package let validatedLoss: Double
    package let validatedAccuracy: Double
    /// Of the fit to all training rows.
    package let testAccuracy: Double
    /// The class that each test image is given, [n_test].
    package let predictions: [Int32]
    /// Weights [K, D] of standardised features, then biases [K].
    package let parameters: [Double]
    package let iterations: Int
    /// (1/n) · Σ loss + ½·‖W‖² / (C·n).
    package let objective: Double

    /// The fit of least cross-validated loss, the first of equals; the only one where there is no choice.
    package static func chosen(from fits: [LogisticFit]) -> LogisticFit? {
        var best: LogisticFit?
        for fit in fits where best.map({ fit.validatedLoss < $0.validatedLoss }) ?? true { best = fit }
        return best
    }
}

/// Columns of mean zero and deviation one over the rows that it was made of.
struct Standardization: Sendable {
    /// [D].
    let mean: [Double]
    /// One over the deviation; 0 for constant columns.
    let factor: [Double]

    init(_ features: FeatureMatrix) {
        let (rows, columns) = (features.rows, features.columns)
        var mean = [Double](repeating: 0, count: columns)
        var squares = [Double](repeating: 0, count: columns)
        features.values.withUnsafeBufferPointer { values in
            for row in 0..<rows {
                for j in 0..<columns { mean[j] += Double(values[row * columns + j]) }
            }
            for j in 0..<columns { mean[j] /= Double(rows) }
            for row in 0..<rows {
                for j in 0..<columns {
                    let difference = Double(values[row * columns + j]) - mean[j]
                    squares[j] += difference * difference
                }
            }
        }
        factor = zip(mean, squares).map { mean, squares in
            let deviation = (squares / Double(rows)).squareRoot()
            return deviation > 1e-6 * abs(mean) && deviation > 0 ? 1 / deviation : 0
        }
        self.mean = mean
    }

    func applied(to features: FeatureMatrix) -> FeatureMatrix {
        var values = features.values
        let columns = features.columns
        values.withUnsafeMutableBufferPointer { values in
            for row in 0..<features.rows {
                for j in 0..<columns {
                    let place = row * columns + j
                    values[place] = Float((Double(values[place]) - mean[j]) * factor[j])
                }
            }
        }
        return FeatureMatrix(rows: features.rows, columns: columns, values: values)
    }
}

/// Fits to one set of rows for one strength after the other, each from the one before.
///
/// Used by one thread at a time.
private final class Path<Backend: KernelBackend>: @unchecked Sendable {
    let objective: LogisticObjective<Backend>
    private let heldOut: Range<Int>
    private let labels: [Int32]

    struct Current {
        var parameters: [Double]
        var value = Double.nan
        var iterations = 0
        /// Over the rows held out: Σ −log p, and how many classes are found.
        var heldOutLoss = 0.0
        var heldOutRight = 0
    }
    private(set) var current: Current

    init(_ objective: LogisticObjective<Backend>, heldOut: Range<Int>, parameters: Int, labels: [Int32]) {
        self.objective = objective
        self.heldOut = heldOut
        self.labels = labels
        current = Current(parameters: [Double](repeating: 0, count: parameters))
    }

    func advance(to strength: Double, _ solver: QuasiNewton, _ bound: CurvatureBound<Backend>) {
        objective.penalty = 1 / (strength * Double(max(objective.rows, 1)))
        let outcome = solver.minimize(&current.parameters, precondition: bound.inverse(times:)) {
            objective($0, gradient: &$1)
        }
        (current.value, current.iterations) = (outcome.value, outcome.iterations)
        let (loss, classes) = objective.score(current.parameters, rows: heldOut)
        current.heldOutLoss = loss
        current.heldOutRight = zip(classes, labels[heldOut]).count { $0 == $1 }
    }
}
