package import Declarations
package import Kernels

/// The linear probe, on the last layer and on the last four, with and without BatchNorm.
///
/// Metrics: `linear_<kind>` and `linear_<kind>_bn` of each kind of features: test accuracy of the head that the held-out
/// training images choose; `linear`: of the head that they choose among all.
package struct LinearProbeTask: EvaluationTask {
    package let probe: LinearProbe

    package static let declaration = EvaluationTaskDeclaration(
        name: "linear", title: "linear probe",
        keys: [
            DeclaredKey(
                "lr", default: [0.01, 0.03, 0.1, 0.3, 1.0], "Learning rates of the grid of linear heads.",
                limits: .positive, count: 1...64, isIdentityAtDefault: true),
            DeclaredKey(
                "weight_decay", default: [0.0, 1e-4], "Weight decays of the grid.", limits: .notNegative, count: 1...64,
                isIdentityAtDefault: true),
            DeclaredKey(
                "epochs", default: 20, "Passes over the training features.", limits: .between(1, 100_000),
                isIdentityAtDefault: true),
            DeclaredKey(
                "batch_size", default: 256, "Features per step of the probe.", limits: .between(1, 1_000_000),
                isIdentityAtDefault: true),
            DeclaredKey(
                "held_out", default: 0.1, "Share of the training features on which the head is chosen.",
                limits: SpecLimits(exclusiveMinimum: 0, exclusiveMaximum: 1),
                synonyms: "val_split validation_split validation_fraction", isIdentityAtDefault: true),
        ], features: [.lastLayer, .lastFour], mainMetric: "linear", details: [heads],
        intermediateText: "Train the probe at intermediate evaluations too, not only at initialisation and end.",
        rehearsal: ["epochs": 1], synonyms: "linear_probe linear_probing lin_eval", isAlwaysOn: true)

    private static let heads = EvaluationTaskDeclaration.DetailTable(
        "linear_heads",
        [
            DeclaredColumn("layers", "1: the last layer; 4: the last four layers, concatenated"),
            DeclaredColumn("batch_norm", "1: BatchNorm without affine before the head"),
            DeclaredColumn("learning_rate", "at the start; falls to zero by a cosine"),
            DeclaredColumn("weight_decay", "on the head's weights, not its biases"),
            DeclaredColumn(
                "held_out_accuracy", unit: "fraction", "top-1 on held-out training images; chooses the head"),
            DeclaredColumn("test_accuracy", unit: "fraction", "top-1 on the test images"),
        ])

    private static let metrics: [EvaluationMetric] = {
        let text = """
            top-1 on the test split of a linear layer trained by SGD with Nesterov momentum 0.9 over a grid of learning \
            rates and weight decays, chosen on held-out training features; features are means over patches
            """
        let best = EvaluationMetric(
            "linear", title: "Linear probe", meaning: "accuracy of a linear probe on the features",
            text + "; the best head on held-out features")
        let layers = ["last1": " of the last layer", "last4": " of the last four layers, concatenated"]
        let kinds = declaration.features.map(\.rawValue).flatMap { kind in
            ["", "_bn"].map { norm in (name: "linear_\(kind)\(norm)", kind: kind, norm: norm) }
        }
        return [best]
            + kinds.enumerated().map { place, kind in
                EvaluationMetric(
                    kind.name, order: place + 1,
                    text + (layers[kind.kind] ?? "")
                        + (kind.norm.isEmpty ? "" : ", BatchNorm without affine before the head"))
            }
    }()

    package init(_ settings: Settings, seed: UInt64) {
        self.init(
            LinearProbe(
                learningRates: settings["lr"], weightDecays: settings["weight_decay"], epochs: settings["epochs"],
                batchSize: settings["batch_size"], heldOut: settings["held_out"], seed: seed))
    }

    package init(_ probe: LinearProbe) { self.probe = probe }

    package func metrics(trainingImages: Int?) -> [EvaluationMetric] { Self.metrics }

    package func findings(trainingImages: Int?) -> [SpecFinding] {
        guard let trainingImages else { return [] }
        let heldOut = Int((Double(trainingImages) * probe.heldOut).rounded())
        guard heldOut < 1 || heldOut >= trainingImages else { return [] }
        return [
            SpecFinding(
                ["\(Self.declaration.group).held_out", "evaluation.train_images", "data.dataset"],
                message: "holds out \(heldOut) of \(trainingImages) training features",
                remedy: "choose a share that leaves images on both sides")
        ]
    }

    package func measure<Backend: KernelBackend>(
        _ features: [ProbeFeatures], labels: ProbeLabels, on backend: Backend, threads: Int
    ) -> TaskResult {
        let heads = probe.heads(of: features, labels: labels, on: backend, threads: threads)
        var result = TaskResult()
        func add(_ name: String, bestOf heads: some Sequence<HeadResult>) {
            let chosen = HeadResult.chosen(from: heads)
            result.add(name, chosen?.testAccuracy, predictions: chosen?.testPredictions)
        }
        add("linear", bestOf: heads)
        for kind in features.flatMap({ [$0.name, $0.name + "_bn"] }) {
            add("linear_\(kind)", bestOf: heads.lazy.filter { $0.kind == kind })
        }
        let rows = heads.map { head in
            [
                head.features == FeatureKind.lastFour.rawValue ? 4 : 1, head.batchNorm ? 1 : 0, head.learningRate,
                head.weightDecay, head.heldOutAccuracy, head.testAccuracy,
            ]
        }
        result.details = [(table: Self.heads.name, rows: rows)]
        return result
    }

    /// Each kind of features with and without BatchNorm. Forward and the weights' gradient, over the images that are not
    /// held out; then every image once.
    package func flops(_ sizes: EvaluationSizes) -> Double {
        let heads = Double(probe.learningRates.count * probe.weightDecays.count)
        let columns = 2 * Double(sizes.columns(of: Self.declaration.features))
        let fitted = Double(probe.epochs) * Double(sizes.trainImages) * (1 - probe.heldOut)
        let scored = Double(sizes.trainImages) * probe.heldOut + Double(sizes.testImages)
        return 2 * heads * Double(sizes.classes) * columns * (2 * fitted + scored)
    }

    /// Three copies of the kinds of features that are being probed at once, and the heads with gradients and momenta.
    package func elements(_ sizes: EvaluationSizes, threads: Int) -> Double {
        let (four, one) = (FeatureKind.lastFour.columns(sizes), FeatureKind.lastLayer.columns(sizes))
        let probed = min(threads, 2) * four + max(0, min(threads, 4) - 2) * one
        let heads = Double(probe.learningRates.count * probe.weightDecays.count * sizes.classes)
        return 3 * (sizes.images + heads) * Double(probed)
    }
}
