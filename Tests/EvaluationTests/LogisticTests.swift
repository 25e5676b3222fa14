import CPUKernels
import Declarations
import Diagnostics
import Foundation
import Kernels
import TensorCore
import TestSupport
import Testing

@testable import Evaluation

@Suite struct LogisticTests {
    private let data = ClusteredFeatures(train: 240, test: 120, columns: 8, classes: 4, noise: 1.5, seed: 4)

    // MARK: Against scikit-learn

    /// Coefficients, then intercepts less their mean, which does not change a probability.
    private func centred(_ parameters: [Double], classes: Int) -> (weights: [Double], biases: [Double]) {
        let biases = parameters.suffix(classes)
        let mean = biases.reduce(0, +) / Double(classes)
        return (Array(parameters.dropLast(classes)), biases.map { $0 - mean })
    }

    @Test func theOptimumIsThatOfScikitLearn() throws {
        let golden = try GoldenLogistic.load()
        let fits = golden.regression(tolerance: 1e-16).fits(
            of: golden.features, labels: golden.labels, on: ReferenceBackend<Double>())
        for (fit, wanted) in zip(fits, golden.fits) {
            let (weights, biases) = centred(fit.parameters, classes: golden.labels.classes)
            // The standardised features are Float.
            #expect(relativeError(weights, wanted.coefficients) < 2e-6, "C \(fit.strength)")
            #expect(relativeError(biases, wanted.intercepts) < 2e-6, "C \(fit.strength)")
            #expect(abs(fit.objective - wanted.objective) < 1e-7, "C \(fit.strength)")
            #expect(abs(fit.validatedLoss - wanted.validated_loss) < 1e-6, "C \(fit.strength)")
            #expect(abs(fit.validatedAccuracy - wanted.validated_accuracy) < 1e-12, "C \(fit.strength)")
            #expect(abs(fit.testAccuracy - wanted.test_accuracy) < 1e-12, "C \(fit.strength)")
        }
        #expect(fits.count == golden.fits.count)
    }

    @Test func inFloatItAgreesToATenThousandth() throws {
        let golden = try GoldenLogistic.load()
        let fits = golden.regression().fits(of: golden.features, labels: golden.labels, on: CPUBackend())
        for (fit, wanted) in zip(fits, golden.fits) {
            #expect(abs(fit.objective - wanted.objective) < 1e-4 * wanted.objective, "C \(fit.strength)")
            #expect(abs(fit.validatedLoss - wanted.validated_loss) < 1e-4 * wanted.validated_loss, "C \(fit.strength)")
            #expect(abs(fit.validatedAccuracy - wanted.validated_accuracy) < 1e-12)
            #expect(abs(fit.testAccuracy - wanted.test_accuracy) < 1e-12)
        }
        let best = try #require(golden.fits.min { $0.validated_loss < $1.validated_loss })
        #expect(LogisticFit.chosen(from: fits)?.strength == best.c)
    }

    @Test func noWeakerPenaltyIsTriedOnceTheLossHasRisen() {
        // Labels that the features know nothing of: every weakening makes it worse.
        var stream = RandomStream(seed: 8, purpose: .tests)
        let labels = ProbeLabels(
            train: data.labels.train.map { _ in Int32(stream.integer(below: 4)) }, test: data.labels.test)
        let fits = LogisticRegression(strengths: [1, 10, 0.001, 0.01, 0.1], folds: 5, seed: 1)
            .fits(of: data.features, labels: labels, on: CPUBackend())
        #expect(fits.map(\.strength) == Array([0.001, 0.01, 0.1, 1, 10].prefix(fits.count)) && fits.count < 5)
        #expect(fits.count >= 2 && fits[fits.count - 1].validatedLoss > fits[fits.count - 2].validatedLoss)
        #expect(LogisticFit.chosen(from: fits)?.strength == fits[fits.count - 2].strength)
    }

    // MARK: Its parts

    @Test func theGradientIsThatOfTheValue() throws {
        let features = Standardization(data.features.train).applied(to: data.features.train)
        let backend = ReferenceBackend<Double>()
        let x = backend.tensor(features.values, Shape(features.rows, features.columns))
        let labels = IndexTensor<ReferenceBackend<Double>>(
            buffer: backend.makeIndexBuffer(count: features.rows), shape: Shape(features.rows))
        backend.upload(HostBuffer(data.labels.train), at: 0, to: labels)
        let objective = LogisticObjective(
            features: x, labels: labels, classes: 4, pieces: [0..<70, 110..<240], on: backend)
        objective.penalty = 0.03
        var stream = RandomStream(seed: 2, purpose: .tests)
        var point = (0..<4 * 9).map { _ in stream.normal() }
        var (gradient, ignored) = (point, point)
        _ = objective(point, gradient: &gradient)
        for index in stride(from: 0, to: point.count, by: 5) {
            let middle = point[index]
            point[index] = middle + 1e-5
            let above = objective(point, gradient: &ignored)
            point[index] = middle - 1e-5
            let below = objective(point, gradient: &ignored)
            point[index] = middle
            #expect(abs((above - below) / 2e-5 - gradient[index]) < 1e-8, "parameter \(index)")
        }
    }

    @Test func theBoundIsInvertedAndLiesAboveTheHessian() {
        typealias Backend = ReferenceBackend<Double>
        let backend = Backend()
        func whole(_ values: [Double]) -> FeatureSquare<Backend> {
            let panels = TrianglePanels<Backend>(order: 2, on: backend)
            backend.store(values, in: panels.panels[0])
            return .whole(panels)
        }
        // G = [[2, 1], [1, 3]], λ = 0.5: half of G and λ on the diagonal, [[1.5, 0.5], [0.5, 2]].
        let bound = CurvatureBound(square: whole([2, 1, 1, 3]), classes: 2, penalty: 0.5, on: backend)
        let solved = bound.inverse(times: [1.5, 0.5, 0.5, 2, 1, 3])
        for (value, wanted) in zip(solved, [1.0, 0, 0, 1, 2, 6]) { #expect(abs(value - wanted) < 1e-12) }
        let diagonal = CurvatureBound<Backend>(square: .diagonal([2, 3]), classes: 1, penalty: 0.5, on: backend)
        for (value, wanted) in zip(diagonal.inverse(times: [1.5, 2, 1]), [1.0, 1, 2]) {
            #expect(abs(value - wanted) < 1e-12)
        }
        // A column that is zero does not divide by zero.
        let flat = CurvatureBound(square: whole([0, 0, 0, 1]), classes: 1, penalty: 0, on: backend)
        #expect(flat.inverse(times: [1, 1, 1]).allSatisfy { $0.isFinite })
    }

    @Test func aBadlyScaledValleyIsDescended() {
        // f = Σ sᵢ·(xᵢ − i)², from 1 to 1e6, without help from the preconditioner.
        let scales: [Double] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
        func valley(_ x: [Double], _ gradient: inout [Double]) -> Double {
            var value = 0.0
            for index in x.indices {
                let distance = x[index] - Double(index)
                gradient[index] = 2 * scales[index] * distance
                value += scales[index] * distance * distance
            }
            return value
        }
        var point = [Double](repeating: 0, count: 7)
        let outcome = QuasiNewton(tolerance: 1e-18, noise: 1e-15).minimize(&point, precondition: { $0 }, valley)
        for index in point.indices { #expect(abs(point[index] - Double(index)) < 1e-6) }
        #expect(outcome.iterations < 100 && outcome.value < 1e-12)
    }

    @Test func foldsShareEveryClassEvenly() throws {
        let golden = try GoldenLogistic.load()
        let classes = golden.labels.classes
        let split = StratifiedFolds(
            labels: golden.train_labels, classes: classes, count: golden.folds, seed: golden.seed)
        #expect(split.order.sorted() == Array(golden.train_labels.indices))
        for (fold, range) in split.ranges.enumerated() {
            #expect(split.order[range].allSatisfy { golden.fold_of_row[$0] == fold })
            for label in 0..<classes {
                let all = golden.train_labels.count { Int($0) == label }
                let held = split.order[range].count { Int(golden.train_labels[$0]) == label }
                #expect(abs(Double(held) - Double(all) / Double(golden.folds)) <= 1)
            }
        }
        let other = StratifiedFolds(labels: golden.train_labels, classes: classes, count: golden.folds, seed: 6)
        #expect(other.order != split.order && other.ranges == split.ranges)
    }

    @Test func standardisingIsScikitLearns() {
        let features = FeatureMatrix(rows: 3, columns: 3, values: [1, 5, 1e6, 2, 5, 1e6 + 0.25, 6, 5, 1e6])
        let scaling = Standardization(features)
        // Divided by n, not n − 1; the constant column and the one that rounding alone moves are zero.
        #expect(abs(scaling.factor[0] - 1 / (14.0 / 3).squareRoot()) < 1e-12)
        #expect(scaling.factor[1] == 0 && scaling.factor[2] == 0)
        let values = scaling.applied(to: features).values
        #expect(abs(values[0] + values[3] + values[6]) < 1e-6 && values[1] == 0 && values[5] == 0)
    }

    // MARK: Of many columns

    /// Fewer rows than columns, so that the penalty alone makes the matrix definite; columns of three panels.
    private func wide(rows: Int = 200, columns: Int = 300) -> FeatureMatrix {
        var stream = RandomStream(seed: 3, purpose: .tests)
        return FeatureMatrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(stream.normal()) })
    }

    /// Relative error of A · (A⁻¹ · b), and A⁻¹ · b; A = ½·XᵀX/n + λ·I.
    private func solved<Backend: KernelBackend>(on backend: Backend, threads: Int) -> (error: Double, x: [Double]) {
        let (features, classes, penalty) = (wide(), 3, 0.01)
        let (rows, columns) = (features.rows, features.columns)
        let square = TrianglePanels(
            squareOf: backend.tensor(features.values, Shape(rows, columns)), scale: 1 / Double(rows), on: backend,
            threads: threads)
        let bound = CurvatureBound(
            square: .whole(square), classes: classes, penalty: penalty, on: backend, threads: threads)
        var stream = RandomStream(seed: 5, purpose: .tests)
        let wanted = (0..<classes * (columns + 1)).map { _ in stream.normal() }
        let x = bound.inverse(times: wanted)
        var product: [Double] = []
        for label in 0..<classes {
            var sum = (0..<columns).map { penalty * x[label * columns + $0] }
            for row in 0..<rows {
                let values = features.values[row * columns..<(row + 1) * columns].map { Double($0) }
                let dot = (0..<columns).reduce(0.0) { $0 + values[$1] * x[label * columns + $1] }
                for j in 0..<columns { sum[j] += 0.5 * dot * values[j] / Double(rows) }
            }
            product += sum
        }
        product += x.suffix(classes).map { $0 / 2 }
        return (relativeError(product, wanted), x)
    }

    @Test func theBoundOfManyColumnsIsInvertedAndNoThreadChangesIt() {
        let exact = solved(on: ReferenceBackend<Double>(), threads: 1)
        #expect(exact.error < 1e-11)
        let one = solved(on: CPUBackend(), threads: 1)
        #expect(one.error < 1e-4)
        #expect(relativeError(one.x, exact.x) < 1e-3)
        for threads in [2, 3, 8] { #expect(solved(on: CPUBackend(), threads: threads).x == one.x) }
    }

    @Test func aFitOfManyColumnsEndsWhereTheDiagonalAloneEnds() {
        // Neighbours resemble each other, as pixels do.
        let steps = wide()
        var values = steps.values
        for place in values.indices where place % steps.columns > 0 { values[place] += 0.95 * values[place - 1] }
        let features = FeatureMatrix(rows: steps.rows, columns: steps.columns, values: values)
        let labels = (0..<features.rows).map { Int32(values[$0 * features.columns] > 0.3 ? 1 : $0 % 2 * 2) }
        let backend = ReferenceBackend<Double>()
        let x = backend.tensor(features.values, Shape(features.rows, features.columns))
        let targets = IndexTensor<ReferenceBackend<Double>>(
            buffer: backend.makeIndexBuffer(count: labels.count), shape: Shape(labels.count))
        backend.upload(HostBuffer(labels), at: 0, to: targets)
        // More rows than go through at once.
        let objective = LogisticObjective(
            features: x, labels: targets, classes: 3, pieces: [0..<20, 25..<features.rows], on: backend)
        objective.penalty = 0.02
        func minimum(_ square: FeatureSquare<ReferenceBackend<Double>>) -> (point: [Double], iterations: Int) {
            let bound = CurvatureBound(square: square, classes: 3, penalty: objective.penalty, on: backend)
            var point = [Double](repeating: 0, count: 3 * (features.columns + 1))
            let outcome = QuasiNewton(tolerance: 1e-18, noise: 1e-16)
                .minimize(&point, precondition: bound.inverse(times:)) { objective($0, gradient: &$1) }
            return (point, outcome.iterations)
        }
        let diagonal = minimum(
            .diagonal(
                (0..<features.columns).map { j in
                    (0..<features.rows).reduce(0.0) {
                        $0 + Double(values[$1 * features.columns + j] * values[$1 * features.columns + j])
                    } / Double(features.rows)
                }))
        let whole = minimum(
            .whole(TrianglePanels(squareOf: x, scale: 1 / Double(features.rows), on: backend, threads: 1)))
        #expect(relativeError(whole.point, diagonal.point) < 1e-6)
        #expect(whole.iterations > 3 && 2 * whole.iterations < diagonal.iterations)
    }

    // MARK: As a task

    private func task(_ values: [String: SpecValue] = [:], seed: UInt64 = 1) -> LogisticTask {
        LogisticTask(Settings(LogisticTask.declaration.keys, values), seed: seed)
    }

    private func kinds(_ data: ClusteredFeatures) -> [ProbeFeatures] {
        [
            data.features,
            ProbeFeatures(
                name: "last4", train: data.features.train.repeated(2), test: data.features.test.repeated(2)),
        ]
    }

    @Test(arguments: ["last1", "last4", "both"])
    func measuresTheFeaturesThatAreAskedFor(choice: String) throws {
        let task = task(["features": .text(choice)])
        let result = task.measure(kinds(data), labels: data.labels, on: CPUBackend(), threads: 1)
        #expect(result.metrics.map(\.name) == task.metrics(trainingImages: 240).map(\.name))
        #expect(result.metrics.map(\.name).contains("logistic_last4") == (choice != "last1"))
        #expect(result.predictions.map(\.name) == result.metrics.map(\.name).dropLast())
        let accuracy = try #require(result.metrics.first?.value)
        #expect(accuracy > 0.5 && accuracy < 1)
        let right = zip(result.predictions[0].classes, data.labels.test).count { $0 == $1 }
        #expect(Double(right) / 120 == accuracy)
        let rows = try #require(result.details.first?.rows)
        let columns = try #require(LogisticTask.declaration.details.first).columns
        #expect((2...(choice == "both" ? 12 : 6)).contains(rows.count))
        #expect(rows.allSatisfy { $0.count == columns.count })
        let best = try #require(rows.min { $0[2] < $1[2] })
        #expect(result.metrics.last?.value == best[1] && accuracy == best[4])
    }

    @Test func neitherThreadsNorTheSeedDecideMuch() {
        func accuracies(threads: Int, seed: UInt64) -> [UInt64] {
            task(seed: seed).measure(kinds(data), labels: data.labels, on: CPUBackend(), threads: threads)
                .metrics.map(\.value.bitPattern)
        }
        let one = accuracies(threads: 1, seed: 1)
        #expect(one == accuracies(threads: 3, seed: 1) && one == accuracies(threads: 8, seed: 1))
        // Another seed makes other folds, and its fits to all rows are the same up to rounding.
        let fits = [1, 2].map { seed in
            LogisticRegression(strengths: [0.1], folds: 5, seed: seed)
                .fits(of: data.features, labels: data.labels, on: CPUBackend())
        }
        #expect(relativeError(fits[0][0].parameters, fits[1][0].parameters) < 1e-3)
    }

    @Test func featuresWithoutInformationGiveChanceAndBrokenOnesNaN() {
        let constant = FeatureMatrix(rows: 240, columns: 8, values: Array(repeating: 1, count: 240 * 8))
        let flat = ProbeFeatures(
            name: "last1", train: constant,
            test: FeatureMatrix(rows: 120, columns: 8, values: Array(repeating: 1, count: 120 * 8)))
        let chance = task().measure([flat], labels: data.labels, on: CPUBackend(), threads: 1)
        let largest = (0..<4).map { label in data.labels.train.count { $0 == label } }
        let majority = Int32(largest.indices.max { largest[$0] < largest[$1] } ?? 0)
        #expect(chance.predictions[0].classes.allSatisfy { $0 == majority })
        let broken = ProbeFeatures(
            name: "last1", train: FeatureMatrix(rows: 240, columns: 8, values: Array(repeating: .nan, count: 240 * 8)),
            test: flat.test)
        let result = task().measure([broken], labels: data.labels, on: CPUBackend(), threads: 1)
        #expect(result.metrics.count == 3 && result.metrics.allSatisfy { $0.value.isNaN })
        #expect(result.predictions.isEmpty && result.details.isEmpty)
    }

    @Test func aClassThatOnlyOneImageHasIsNoObstacle() throws {
        var labels = data.labels.train
        labels[7] = 5
        let result = task().measure(
            [data.features], labels: ProbeLabels(train: labels, test: data.labels.test), on: CPUBackend(), threads: 1)
        #expect(try #require(result.metrics.first?.value) > 0.5)
    }

    @Test func rawPixelsAreMeasuredUnderTheirOwnName() {
        let pixels = ProbeFeatures(name: "raw", train: data.features.train, test: data.features.test)
        let result = task(["features": "both"]).measure([pixels], labels: data.labels, on: CPUBackend(), threads: 1)
        #expect(result.metrics.map(\.name) == ["logistic", "logistic_raw"])
        #expect(result.metrics[0].value == result.metrics[1].value)
    }

    @Test func mistakesAreFound() {
        #expect(task(["folds": 10]).findings(trainingImages: 9).first?.keys.first == "evaluation.logistic.folds")
        #expect(task(["c": [1.0, 1.0]]).findings(trainingImages: 100).count == 1)
        #expect(task().findings(trainingImages: 10).isEmpty && task().findings(trainingImages: nil).isEmpty)
    }
}

extension FeatureMatrix {
    /// Every row several times side by side.
    fileprivate func repeated(_ count: Int) -> FeatureMatrix {
        let rows = (0..<self.rows).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
        return FeatureMatrix(
            rows: self.rows, columns: count * columns,
            values: rows.flatMap { Array(repeatElement($0, count: count).joined()) })
    }
}
