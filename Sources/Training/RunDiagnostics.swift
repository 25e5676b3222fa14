import Datasets
import Diagnostics
import ExperimentSpec
import Kernels
import Networks
import TensorCore

/// Measures the features of both encoders and of the predictor at one step; METHOD's collapse diagnostics.
///
/// Everything is a function of the parameters and the test images: the same images, crops, patches and masks for every
/// run and every step, so that arms and steps compare.
final class RunDiagnostics<Backend: KernelBackend> {
    private let settings: RunSettings
    private let backend: Backend
    private let test: ImageDataset
    private let extractor: FeatureExtractor<Backend>
    private let choice: PatchChoice?
    private let objects: [Int]
    private let crop: RandomResizedCrop

    /// Seed of everything that is drawn here.
    static var seed: UInt64 { 0x5EED }
    /// Test images that the predictor is measured on, whatever the batch size.
    static var predictedImages: Int { 512 }

    /// - Parameter test: The test images that the run's evaluations look at.
    /// - Throws: `DatasetError` for crops that are none.
    init(
        _ settings: RunSettings, test: ImageDataset, extractor: FeatureExtractor<Backend>, backend: Backend,
        threads: Int
    ) throws {
        let configuration = settings.configuration
        self.settings = settings
        self.backend = backend
        self.test = test
        self.extractor = extractor
        let rows = configuration.diagnostics.patchRows
        choice =
            rows > 0
            ? PatchChoice(
                images: test.count, patchesPerImage: settings.networks.encoder.settings.patchCount, rows: rows,
                seed: Self.seed) : nil
        objects = RandomStream.distinct(
            configuration.diagnostics.lidarObjects, below: test.count, seed: Self.seed)
        crop = try RandomResizedCrop(scale: configuration.data.cropScale, aspect: configuration.data.cropAspect)
    }

    /// Features of the test images with the chosen patches.
    func testFeatures(_ parameters: Parameters<Backend>) throws -> FeatureExtractor<Backend>.Features {
        try extractor.features(of: test, 0..<test.count, parameters: parameters, patches: choice)
    }

    /// What the predictor says about the first test images.
    func predictions(state: TrainingState<Backend>, step: TrainingStep<Backend>) throws -> MeasuredPredictions {
        try MeasuredPredictions(
            of: test, imageCount: min(Self.predictedImages, test.count),
            rows: settings.configuration.diagnostics.patchRows, seed: Self.seed, settings: settings, state: state,
            step: step)
    }

    /// Everything at this step.
    ///
    /// - Parameters:
    ///   - known: Features of the test images under an encoder, where an evaluation has them already.
    ///   - predictions: Of this step.
    ///   - targetTables: What was measured of the target encoder's features already; none: nothing.
    func measure(
        state: TrainingState<Backend>, known: [EvaluationConfiguration.Encoder: FeatureExtractor<Backend>.Features],
        predictions: MeasuredPredictions, targetTables: [DiagnosticsRecord.Table]? = nil
    ) throws -> DiagnosticsRecord {
        let areEqual = state.encodersAreEqual
        let context = state.onlineParameters.window(at: 0, count: state.target.count)
        let target = try known[.target] ?? (areEqual ? known[.context] : nil) ?? testFeatures(state.targetParameters)
        let contextFeatures = try areEqual ? target : known[.context] ?? testFeatures(context)
        var views: [View] = []
        if targetTables == nil {
            views += self.views(
                Self.target, images: target.last, patches: target.patches, lidar: try lidar(state.targetParameters))
        }
        // An encoder that is its own target is measured once.
        if !areEqual {
            views += try self.views(
                Self.context, images: contextFeatures.last, patches: contextFeatures.patches, lidar: lidar(context))
        }
        views += self.views("predictions", images: predictions.images, patches: predictions.patches)
        var tables = (targetTables ?? []) + measured(views, step: state.step)
        if areEqual {
            let targets = tables.filter { $0.name.hasPrefix(Self.target + "/") }
            tables.insert(
                contentsOf: targets.map { $0.named(Self.context + $0.name.dropFirst(Self.target.count)) },
                at: targets.count)
        }
        tables.append(comparison(target, contextFeatures, state))
        tables.append(
            DiagnosticsRecord.Table(
                name: "predictor", values: [("loss", predictions.loss)] + predictions.skill.metrics))
        return DiagnosticsRecord(step: state.step, tables: tables)
    }

    // MARK: Features

    static var target: String { "target" }
    private static var context: String { "context" }

    /// One matrix to be measured.
    private struct View {
        let name: String
        let features: FeatureMatrix
        /// Numbers beside the measures of features.
        var extra: [(String, Double)] = []
    }

    private func views(
        _ source: String, images: FeatureMatrix, patches: PatchFeatures?, lidar: Double? = nil
    ) -> [View] {
        var views = [
            View(name: "\(source)/images", features: images, extra: lidar.map { [("lidar", $0)] } ?? [])
        ]
        if let patches {
            let ratio = VarianceRatio(images: images, patches: patches)
            views.append(
                View(
                    name: "\(source)/patches", features: patches.patches,
                    extra: [
                        ("variance_between_images", ratio.between), ("variance_within_images", ratio.within),
                        ("between_within_ratio", ratio.value),
                    ]))
            views.append(View(name: "\(source)/within", features: patches.residuals))
        }
        return views
    }

    /// Measures all matrices, several at once.
    private func measured(_ views: [View], step: Int) -> [DiagnosticsRecord.Table] {
        var tables = [DiagnosticsRecord.Table?](repeating: nil, count: views.count)
        tables.withUnsafeMutableBufferPointer { slots in
            // Each thread fills slots of its own.
            let slots = slots
            extractor.team.forEach(views.count) { index in
                let view = views[index]
                let diagnostics = FeatureDiagnostics(view.features, scope: .all, seed: Self.seed)
                slots[index] = DiagnosticsRecord.Table(
                    name: view.name,
                    values: [("rows", Double(view.features.rows)), ("width", Double(view.features.columns))]
                        + diagnostics.metrics.map { ($0.name, $0.value) } + view.extra,
                    vectors: [("singular_values", diagnostics.singularValues)])
            }
        }
        return tables.compactMap { $0 }
    }

    /// LiDAR of seeded crops of seeded test images: as the training's crops, and the same for every run and step.
    ///
    /// - Returns: None where the configuration asks for no objects.
    private func lidar(_ parameters: Parameters<Backend>) throws -> Double? {
        let views = settings.configuration.diagnostics.lidarViews
        guard !objects.isEmpty else { return nil }
        let renderers = ImageRenderers(test, size: settings.networks.encoder.settings.imageSize)
        let features = try extractor.pooledFeatures(count: objects.count * views, parameters: parameters) {
            range, staging in
            try renderers.withRenderer { renderer in
                for (slot, row) in range.enumerated() {
                    let object = objects[row / views]
                    try renderer.render(object, into: staging, slot: slot) { size in
                        var random = RandomStream(
                            seed: Self.seed, purpose: .diagnostics, epoch: row % views + 1, sample: object)
                        return crop.region(height: size.height, width: size.width, random: &random)
                    }
                }
            }
        }
        return LiDAR(views: features, viewsPerObject: views).value
    }

    // MARK: Encoders against each other

    private func comparison(
        _ target: FeatureExtractor<Backend>.Features, _ context: FeatureExtractor<Backend>.Features,
        _ state: TrainingState<Backend>
    ) -> DiagnosticsRecord.Table {
        let cosine = FeatureAgreement.meanCosine
        var values = [
            ("feature_cosine", cosine(target.last, context.last, false)),
            ("feature_cosine_centred", cosine(target.last, context.last, true)),
        ]
        if let a = target.patches?.patches, let b = context.patches?.patches {
            values += [("patch_cosine", cosine(a, b, false)), ("patch_cosine_centred", cosine(a, b, true))]
        }
        let distances = EncoderDistances(settings, state, on: backend)
        values += [
            ("weight_distance", distances.total), ("target_movement", distances.targetMovement),
            ("context_movement", distances.contextMovement),
        ]
        return DiagnosticsRecord.Table(
            name: "encoders", values: values, vectors: [("weight_distance_by_layer", distances.byLayer)],
            vectorLabels: ["weight_distance_by_layer": distances.layers])
    }
}
