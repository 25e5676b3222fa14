package import Diagnostics
package import Kernels

/// What evaluation says about features: metrics by name, and every linear head behind them.
package struct EvaluationResult: Sendable {
    /// Accuracies are fractions, 0...1; NaN where the features are not finite.
    package let metrics: [(name: String, value: Double)]
    package let heads: [HeadResult]
    /// The class that each test image is given, by the metric that scores it; none where the features are not finite.
    package let predictions: [(name: String, classes: [Int32])]

    package init(
        metrics: [(name: String, value: Double)], heads: [HeadResult],
        predictions: [(name: String, classes: [Int32])] = []
    ) {
        self.metrics = metrics
        self.heads = heads
        self.predictions = predictions
    }

    package subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

/// Probes of frozen features, as spec and METHOD define them: kNN and linear.
package struct Evaluator<Backend: KernelBackend>: Sendable {
    package let backend: Backend
    package let nearestNeighbours: NearestNeighbours
    package let linearProbe: LinearProbe
    /// Threads to compute with; no result depends on it.
    package let threads: Int

    package init(
        backend: Backend, nearestNeighbours: NearestNeighbours, linearProbe: LinearProbe, threads: Int = 1
    ) {
        self.backend = backend
        self.nearestNeighbours = nearestNeighbours
        self.linearProbe = linearProbe
        self.threads = threads
    }

    /// Probes an encoder's features.
    ///
    /// Metrics: `knn_<k>` on the first kind of features for every k that does not exceed the training images;
    /// `linear_<kind>` and `linear_<kind>_bn` of each kind: test accuracy of the head that the held-out training images
    /// choose; `linear`: of the head that they choose among all.
    ///
    /// - Parameters:
    ///   - features: One or more kinds, the pooled last layer first.
    ///   - includeLinear: Whether the linear probe is wanted.
    package func evaluate(
        _ features: [ProbeFeatures], labels: ProbeLabels, includeLinear: Bool = true
    ) -> EvaluationResult {
        precondition(!features.isEmpty, "nothing to evaluate")
        var metrics: [(name: String, value: Double)] = []
        var predictions: [(name: String, classes: [Int32])] = []
        func add(_ name: String, _ accuracy: Double?, _ classes: [Int32]?) {
            metrics.append((name: name, value: accuracy ?? .nan))
            if let classes, !classes.isEmpty { predictions.append((name: name, classes: classes)) }
        }
        for result in nearestNeighbours.accuracies(of: features[0], labels: labels, on: backend, threads: threads) {
            add("knn_\(result.neighbours)", result.accuracy, result.predictions)
        }
        guard includeLinear else { return EvaluationResult(metrics: metrics, heads: [], predictions: predictions) }
        let heads = linearProbe.heads(of: features, labels: labels, on: backend, threads: threads)
        func add(_ name: String, bestOf heads: some Sequence<HeadResult>) {
            let chosen = HeadResult.chosen(from: heads)
            add(name, chosen?.testAccuracy, chosen?.testPredictions)
        }
        add("linear", bestOf: heads)
        for kind in features.flatMap({ [$0.name, $0.name + "_bn"] }) {
            add("linear_\(kind)", bestOf: heads.lazy.filter { $0.kind == kind })
        }
        return EvaluationResult(metrics: metrics, heads: heads, predictions: predictions)
    }

    /// The same probes of raw pixels, normalised as the encoder's input is: what features must beat.
    ///
    /// Metrics: `pixel_knn_<k>`, `pixel_linear`, `pixel_linear_raw`, `pixel_linear_raw_bn`.
    /// - Parameters: train [n_train, C·height·width], test [n_test, C·height·width].
    package func pixelFloors(train: FeatureMatrix, test: FeatureMatrix, labels: ProbeLabels) -> EvaluationResult {
        let result = evaluate([ProbeFeatures(name: "raw", train: train, test: test)], labels: labels)
        return EvaluationResult(
            metrics: result.metrics.map { (name: "pixel_" + $0.name, value: $0.value) }, heads: result.heads)
    }
}
