package import Declarations
package import Kernels

/// kNN on the features of the last layer: `knn_<k>` for every k that does not exceed the training images.
package struct NearestNeighboursTask: EvaluationTask {
    package let classifier: NearestNeighbours

    package static let declaration = EvaluationTaskDeclaration(
        name: "knn", title: "kNN",
        keys: [
            DeclaredKey(
                "k", default: [10, 20, 100, 200],
                "Numbers of neighbours; those above the number of training features are left out.",
                limits: .between(1, 1_000_000), count: 1...64, synonyms: "neighbours neighbors n_neighbors nb_knn",
                isIdentityAtDefault: true),
            DeclaredKey(
                "temperature", default: 0.07, "A vote's weight is exp(cosine / temperature).", limits: .positive,
                synonyms: "temp", isIdentityAtDefault: true),
        ], features: [.lastLayer], mainMetric: "knn_20", isAlwaysOn: true)

    package init(_ settings: Settings, seed: UInt64) {
        self.init(NearestNeighbours(neighbours: settings["k"], temperature: settings["temperature"]))
    }

    package init(_ classifier: NearestNeighbours) { self.classifier = classifier }

    package static func metric(named name: String) -> EvaluationMetric? {
        guard name.hasPrefix("knn_"), let neighbours = Int(name.dropFirst("knn_".count)) else { return nil }
        return EvaluationMetric(
            name, title: "\(neighbours)-NN", short: "\(neighbours)-NN",
            meaning: "accuracy of a \(neighbours)-NN classifier on the features", order: neighbours,
            "top-1 of \(neighbours) nearest training features as in DINO: L2-normalised, cosine, votes weighted by "
                + "exp(cosine / evaluation.knn.temperature); features are the last layer's mean over patches, no class token"
        )
    }

    package func metrics(trainingImages: Int?) -> [EvaluationMetric] {
        classifier.neighbours.filter { $0 <= trainingImages ?? .max }.compactMap { Self.metric(named: "knn_\($0)") }
    }

    package func findings(trainingImages: Int?) -> [SpecFinding] {
        let (neighbours, key) = (classifier.neighbours, "\(Self.declaration.group).k")
        var findings: [SpecFinding] = []
        if Set(neighbours).count != neighbours.count {
            findings.append(
                SpecFinding([key], message: "a number of neighbours is listed twice", remedy: "list each once"))
        }
        if let trainingImages, neighbours.allSatisfy({ $0 > trainingImages }) {
            findings.append(
                SpecFinding(
                    [key, "evaluation.train_images", "data.dataset"],
                    message: "every number of neighbours exceeds the \(trainingImages) training features",
                    remedy: "add a number of at most \(trainingImages)"))
        }
        return findings
    }

    package func measure<Backend: KernelBackend>(
        _ features: [ProbeFeatures], labels: ProbeLabels, on backend: Backend, threads: Int
    ) -> TaskResult {
        var found = TaskResult()
        for result in classifier.accuracies(of: features[0], labels: labels, on: backend, threads: threads) {
            found.add("knn_\(result.neighbours)", result.accuracy, predictions: result.predictions)
        }
        return found
    }

    package func flops(_ sizes: EvaluationSizes) -> Double {
        2 * Double(sizes.trainImages) * Double(sizes.testImages) * Double(sizes.width)
    }

    /// The features, normalised, as an array and on the back end.
    package func elements(_ sizes: EvaluationSizes, threads: Int) -> Double { 2 * sizes.images * Double(sizes.width) }
}
