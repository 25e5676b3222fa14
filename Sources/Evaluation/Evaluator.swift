package import Diagnostics
package import Kernels

/// What evaluation says about features: the results of all tasks together.
package struct EvaluationResult: Sendable {
    /// Accuracies are fractions, 0...1; NaN where the features are not finite, and for tasks that did not run.
    package var metrics: [(name: String, value: Double)] = []
    /// The class that each test image is given, by the metric that scores it; none where the features are not finite.
    package var predictions: [(name: String, classes: [Int32])] = []
    /// Rows of tables of details, as the tasks declare them.
    package var details: [(table: String, rows: [[Double]])] = []
    /// Whether every task of the run has run.
    package var isComplete = true

    package init() {}

    package subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }

    mutating func append(_ result: TaskResult) {
        metrics += result.metrics
        predictions += result.predictions
        details += result.details
    }
}

/// The evaluation tasks of a run on frozen features.
package struct Evaluator<Backend: KernelBackend>: Sendable {
    package let backend: Backend
    /// Those that the run has.
    package let tasks: [RunTask]
    /// Threads to compute with; no result depends on it.
    package let threads: Int

    package init(backend: Backend, tasks: [RunTask], threads: Int = 1) {
        self.backend = backend
        self.tasks = tasks.filter(\.isEnabled)
        self.threads = threads
    }

    /// Evaluates an encoder's features.
    ///
    /// - Parameters:
    ///   - features: Of every kind that a task asks for, in any order.
    ///   - isIntermediate: Tasks that do not run at intermediate evaluations have NaN instead: columns of a table are
    ///     fixed, so they are there as gaps.
    package func evaluate(
        _ features: [ProbeFeatures], labels: ProbeLabels, isIntermediate: Bool = false
    ) -> EvaluationResult {
        var found = EvaluationResult()
        for task in tasks {
            let kinds = task.declaration.features.compactMap { kind in
                features.first { $0.name == kind.rawValue }
            }
            guard let first = kinds.first else {
                preconditionFailure("\(task.declaration.title) without the features that it needs")
            }
            if isIntermediate && !task.isIntermediate {
                let names = task.task.metrics(trainingImages: first.train.rows).map(\.name)
                found.metrics += names.map { (name: $0, value: .nan) }
                found.isComplete = false
            } else {
                found.append(task.task.measure(kinds, labels: labels, on: backend, threads: threads))
            }
        }
        return found
    }

    /// The same of raw pixels, normalised as the encoder's input is: what features must beat.
    ///
    /// Metrics have the names of the tasks' after `pixel_`: `pixel_knn_<k>`, `pixel_linear`, `pixel_linear_raw`.
    /// - Parameters: train [n_train, C·height·width], test [n_test, C·height·width].
    package func pixelFloors(train: FeatureMatrix, test: FeatureMatrix, labels: ProbeLabels) -> EvaluationResult {
        let pixels = ProbeFeatures(name: "raw", train: train, test: test)
        var found = EvaluationResult()
        for task in tasks where task.declaration.hasFloor {
            found.append(task.task.measure([pixels], labels: labels, on: backend, threads: threads))
        }
        found.metrics = found.metrics.map { (name: "pixel_" + $0.name, value: $0.value) }
        found.predictions = []
        return found
    }
}
