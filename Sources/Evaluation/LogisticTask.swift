package import Declarations
package import Kernels

/// Logistic regression on standardised features, solved to its optimum, its penalty chosen by cross-validation: the linear
/// accuracy whose own noise is least.
///
/// Metrics: `logistic_<kind>` of each kind of features; `logistic`: of the kind with the least cross-validated log loss;
/// `logistic_c`: the C that it was reached with.
package struct LogisticTask: EvaluationTask {
    package let regression: LogisticRegression
    private let kinds: [FeatureKind]

    /// Settings of the key `features`.
    private static let choices: [(name: String, kinds: [FeatureKind])] =
        FeatureKind.allCases.map { ($0.rawValue, [$0]) } + [("both", FeatureKind.allCases)]

    package static let declaration = EvaluationTaskDeclaration(
        name: "logistic", title: "logistic regression",
        keys: [
            DeclaredKey(
                "c", default: [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0],
                "Inverse strengths of the penalty among which cross-validation chooses, as scikit-learn's C.",
                limits: .positive, count: 1...64, synonyms: "C Cs inverse_regularization l2"),
            DeclaredKey(
                "folds", default: 5, "Folds of the cross-validation, with equal shares of the classes.",
                limits: .between(2, 100), synonyms: "cv n_splits k_fold"),
            DeclaredKey(
                "features", default: choices[0].name,
                "`last1`: the last layer, averaged over patches; `last4`: the last four, each averaged, concatenated; "
                    + "`both`: each, and the better by cross-validation.", choices: choices.map(\.name)),
        ], features: FeatureKind.allCases, mainMetric: "logistic", details: [path],
        intermediateText: "Also at intermediate evaluations, not only at initialisation and end.",
        isIntermediateByDefault: false,
        rehearsal: ["c": [0.1]], synonyms: "logistic_regression logreg log_reg lbfgs", isOnByDefault: true)

    private static let path = EvaluationTaskDeclaration.DetailTable(
        "logistic_path",
        [
            DeclaredColumn("layers", "1: the last layer; 4: the last four layers, concatenated"),
            DeclaredColumn("c", "inverse strength of the penalty"),
            DeclaredColumn("validated_loss", "mean −log p of training images, each by the fit without its fold"),
            DeclaredColumn(
                "validated_accuracy", unit: "fraction", "top-1 on training images, each by the fit without its fold"),
            DeclaredColumn("test_accuracy", unit: "fraction", "top-1 on the test images, of the fit to all others"),
            DeclaredColumn("iterations", "of the fit to all training images, from the one before"),
        ])

    private static let text = """
        top-1 on the test split of multinomial logistic regression with L2 penalty on standardised features, solved to its \
        optimum on all training features, C chosen by stratified cross-validation over them (least log loss); features are \
        means over patches
        """
    private static let best = EvaluationMetric(
        "logistic", title: "Logistic regression",
        meaning: "accuracy of cross-validated logistic regression on the features", text)
    private static let strength = EvaluationMetric(
        "logistic_c", unit: "", short: "C", order: 9, "C of `logistic`: the inverse strength of its penalty")
    private static let ofKind: [FeatureKind: EvaluationMetric] = [
        .lastLayer: EvaluationMetric("logistic_last1", order: 1, text + " of the last layer"),
        .lastFour: EvaluationMetric("logistic_last4", order: 2, text + " of the last four layers, concatenated"),
    ]

    package static func metric(named name: String) -> EvaluationMetric? {
        ([best, strength] + ofKind.values).first { $0.name == name }
    }

    package init(_ settings: Settings, seed: UInt64) {
        let wanted: String = settings["features"]
        self.init(
            LogisticRegression(strengths: settings["c"], folds: settings["folds"], seed: seed),
            kinds: Self.choices.first { $0.name == wanted }?.kinds ?? [.lastLayer])
    }

    package init(_ regression: LogisticRegression, kinds: [FeatureKind] = [.lastLayer]) {
        self.regression = regression
        self.kinds = kinds
    }

    package func metrics(trainingImages: Int?) -> [EvaluationMetric] {
        [Self.best] + kinds.compactMap { Self.ofKind[$0] } + [Self.strength]
    }

    package func findings(trainingImages: Int?) -> [SpecFinding] {
        let group = Self.declaration.group
        var findings: [SpecFinding] = []
        if Set(regression.strengths).count != regression.strengths.count {
            findings.append(
                SpecFinding(["\(group).c"], message: "a strength is listed twice", remedy: "list each once"))
        }
        if let trainingImages, trainingImages < regression.folds {
            findings.append(
                SpecFinding(
                    ["\(group).folds", "evaluation.train_images", "data.dataset"],
                    message: "\(regression.folds) folds of \(trainingImages) training features",
                    remedy: "use fewer folds or more images"))
        }
        return findings
    }

    package func measure<Backend: KernelBackend>(
        _ features: [ProbeFeatures], labels: ProbeLabels, on backend: Backend, threads: Int
    ) -> TaskResult {
        // Raw pixels are a kind of their own.
        let isRaw = !features.contains { FeatureKind(rawValue: $0.name) != nil }
        let used = isRaw ? features : features.filter { kind in kinds.contains { $0.rawValue == kind.name } }
        let fits = used.map { regression.fits(of: $0, labels: labels, on: backend, threads: threads) }
        let chosen = fits.map { LogisticFit.chosen(from: $0) }
        let best = LogisticFit.chosen(from: chosen.compactMap { $0 })
        var result = TaskResult()
        result.add("logistic", best?.testAccuracy, predictions: best?.predictions)
        for (kind, fit) in zip(used, chosen) {
            result.add("logistic_\(kind.name)", fit?.testAccuracy, predictions: fit?.predictions)
        }
        if !isRaw { result.metrics.append((name: Self.strength.name, value: best?.strength ?? .nan)) }
        var rows: [[Double]] = []
        for (kind, fits) in zip(used, fits) {
            let layers = kind.name == FeatureKind.lastFour.rawValue ? 4.0 : 1
            rows += fits.map { fit in
                [
                    layers, fit.strength, fit.validatedLoss, fit.validatedAccuracy, fit.testAccuracy,
                    Double(fit.iterations),
                ]
            }
        }
        if !rows.isEmpty { result.details = [(table: Self.path.name, rows: rows)] }
        return result
    }

    /// Losses with their gradients that a fit takes from the one before; more where the penalty is weak.
    private static let productsPerFit = 25.0

    /// Fits to all rows and without each fold, for every strength; the products of columns, and their factors.
    package func flops(_ sizes: EvaluationSizes) -> Double {
        let (rows, strengths) = (Double(sizes.trainImages), Double(regression.strengths.count))
        let passes = strengths * (strengths > 1 ? Double(regression.folds) : 1) * Self.productsPerFit
        return kinds.reduce(0) { flops, kind in
            let columns = Double(kind.columns(sizes))
            let factored = min(columns, Double(LogisticRegression.largestFactored))
            return flops + 4 * rows * columns * Double(sizes.classes) * passes
                + (rows + strengths * factored / 3) * factored * factored
        }
    }

    /// The features standardised, in the order of folds, twice; logits of the fits at once; the products of columns, their
    /// factor, and what both need meanwhile.
    package func elements(_ sizes: EvaluationSizes, threads: Int) -> Double {
        let columns = kinds.map { $0.columns(sizes) }.max() ?? 0
        let factored = min(columns, LogisticRegression.largestFactored)
        let products = 2 * TriangleLayout.elements(order: factored) + TriangleLayout.scratchElements(order: factored)
        let logits = Double(min(threads, regression.folds + 1) + 1) * Double(sizes.trainImages * sizes.classes)
        return 3 * sizes.images * Double(columns) + logits + Double(products)
    }
}
