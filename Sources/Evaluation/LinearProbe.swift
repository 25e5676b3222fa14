import Diagnostics
import Dispatch
import Synchronization
import TensorCore

package import Kernels

/// Linear classification of frozen features: a grid of heads, trained together in one pass over the stored features.
///
/// Each head is a linear map with bias, started at zero and trained on softmax cross-entropy by SGD with Nesterov
/// momentum 0.9; its learning rate falls to zero by a cosine over all steps. It is not scaled with the batch size.
/// Weight decay acts on weights, not on biases. With BatchNorm, features are normalised before the map, without an affine
/// part and with ε = 1e-6 (as MAE): by the batch's mean and variance while training, and by those of all rows that were
/// trained on (not a running average) when accuracies are measured.
///
/// A share of the training rows is held out, equal for all heads and kinds of features; it alone chooses a head.
package struct LinearProbe: Sendable, Hashable {
    package var learningRates: [Double]
    package var weightDecays: [Double]
    package var epochs: Int
    package var batchSize: Int
    /// Share of the training rows held out, rounded, but at least one row and never all.
    package var heldOut: Double
    /// Decides the rows held out and their order in each epoch.
    package var seed: UInt64

    package init(
        learningRates: [Double], weightDecays: [Double], epochs: Int, batchSize: Int, heldOut: Double, seed: UInt64
    ) {
        precondition(!learningRates.isEmpty && !weightDecays.isEmpty, "a linear probe without learning rates or decays")
        precondition(epochs > 0 && batchSize > 0, "\(epochs) epochs with batches of \(batchSize)")
        precondition(heldOut >= 0 && heldOut < 1, "held-out share \(heldOut) does not lie in [0, 1)")
        self.learningRates = learningRates
        self.weightDecays = weightDecays
        self.epochs = epochs
        self.batchSize = batchSize
        self.heldOut = heldOut
        self.seed = seed
    }

    /// Trains and measures every head: for each kind of features without and with BatchNorm, for each learning rate,
    /// for each weight decay, in this order.
    ///
    /// - Parameters:
    ///   - threads: Kinds of features are trained at once; the result does not depend on it.
    package func heads<Backend: KernelBackend>(
        of features: [ProbeFeatures], labels: ProbeLabels, on backend: Backend, threads: Int = 1
    ) -> [HeadResult] {
        let kinds = features.flatMap { [(features: $0, batchNorm: false), (features: $0, batchNorm: true)] }
        let measured = Mutex([[Measured]](repeating: [], count: kinds.count))
        let workers = max(1, min(threads, kinds.count))
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for kind in stride(from: worker, to: kinds.count, by: workers) {
                let heads = measure(
                    kinds[kind].features, batchNorm: kinds[kind].batchNorm, labels: labels, on: backend)
                measured.withLock { $0[kind] = heads }
            }
        }
        return zip(kinds, measured.withLock { $0 }).flatMap { kind, heads in
            heads.enumerated().map { index, head in
                HeadResult(
                    features: kind.features.name, batchNorm: kind.batchNorm,
                    learningRate: learningRates[index / weightDecays.count],
                    weightDecay: weightDecays[index % weightDecays.count], heldOutAccuracy: head.heldOut,
                    testAccuracy: head.test, testPredictions: head.predictions)
            }
        }
    }

    /// What one head reaches on held-out and on test images, and the class that it gives each test image.
    private struct Measured: Sendable {
        let heldOut: Double
        let test: Double
        let predictions: [Int32]
    }

    /// Rows to train on and rows held out of `count`, each ascending.
    func split(_ count: Int) -> (fit: [Int], heldOut: [Int]) {
        var rows = Array(0..<count)
        var stream = RandomStream(seed: seed, purpose: .probe, epoch: 0, sample: 1)
        stream.shuffle(&rows)
        let wanted = Int((heldOut * Double(count)).rounded())
        let held = min(max(wanted, 1), count - 1)
        return (rows[held...].sorted(), rows[..<held].sorted())
    }

    /// The heads of one kind, ordered by learning rate, then weight decay.
    private func measure<Backend: KernelBackend>(
        _ features: ProbeFeatures, batchNorm: Bool, labels: ProbeLabels, on backend: Backend
    ) -> [Measured] {
        labels.check(features)
        guard features.isFinite, features.train.rows >= 2, features.train.columns > 0 else {
            let undefined = Measured(heldOut: .nan, test: .nan, predictions: [])
            return [Measured](repeating: undefined, count: learningRates.count * weightDecays.count)
        }
        let (fit, held) = split(features.train.rows)
        let trainer = LinearHeads(
            features: features.train.selecting(rows: fit), labels: fit.map { labels.train[$0] },
            classes: labels.classes, batchNorm: batchNorm, settings: self, on: backend)
        trainer.train()
        let heldOut = trainer.classify(features.train.selecting(rows: held), labels: held.map { labels.train[$0] })
        return zip(heldOut, trainer.classify(features.test, labels: labels.test)).map { heldOut, test in
            Measured(heldOut: heldOut.accuracy, test: test.accuracy, predictions: test.classes)
        }
    }
}

/// One trained head and what it reaches.
package struct HeadResult: Sendable, Hashable {
    /// Name of the features: "last1", "last4".
    package let features: String
    package let batchNorm: Bool
    package let learningRate: Double
    package let weightDecay: Double
    /// Share of the held-out training images whose class is found; NaN for a head that diverged.
    package let heldOutAccuracy: Double
    /// Share of the test images.
    package let testAccuracy: Double
    /// The class that each test image is given, [n_test]; empty where the features were not finite.
    package let testPredictions: [Int32]

    package init(
        features: String, batchNorm: Bool, learningRate: Double, weightDecay: Double, heldOutAccuracy: Double,
        testAccuracy: Double, testPredictions: [Int32] = []
    ) {
        self.features = features
        self.batchNorm = batchNorm
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.heldOutAccuracy = heldOutAccuracy
        self.testAccuracy = testAccuracy
        self.testPredictions = testPredictions
    }

    /// "last1", "last1_bn": the kind of features that the head works on.
    package var kind: String { features + (batchNorm ? "_bn" : "") }

    /// The head of best held-out accuracy, the first of equals; nil if none has one that is a number.
    package static func chosen(from heads: some Sequence<HeadResult>) -> HeadResult? {
        var best: HeadResult?
        for head in heads where !head.heldOutAccuracy.isNaN {
            if best.map({ head.heldOutAccuracy > $0.heldOutAccuracy }) ?? true { best = head }
        }
        return best
    }
}
