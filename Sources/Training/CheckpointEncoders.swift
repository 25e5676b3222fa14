package import Datasets
package import Diagnostics
package import Evaluation
package import ExperimentSpec
package import Kernels
import Networks
package import Safetensors

/// The encoders of a checkpoint, to compute features with as the run's evaluations do.
package struct CheckpointEncoders<Backend: KernelBackend> {
    private let settings: RunSettings
    private let state: TrainingState<Backend>
    private let extractor: FeatureExtractor<Backend>

    /// - Parameters:
    ///   - tensors: Of a checkpoint of that configuration.
    ///   - backend: Of the run's precision.
    ///   - threads: No result depends on them.
    /// - Throws: `TrainingError` where they do not belong together.
    package init(
        _ settings: RunSettings, tensors: [String: SafetensorsTensor], backend: Backend, threads: Int
    ) throws {
        self.settings = settings
        state = settings.initialState(on: backend)
        try state.load(tensors, moments: false, settings.networks, on: backend)
        extractor = FeatureExtractor(settings.networks.encoder, backend: backend, threads: threads)
    }

    /// Outputs of the last layer for whole images, mean over patches, [n, D].
    ///
    /// - Throws: `TrainingError` for images of other channels than the model's; `DatasetError`.
    package func features(
        of dataset: ImageDataset, encoder: EvaluationConfiguration.Encoder
    ) throws -> FeatureMatrix {
        try check(dataset)
        let model = settings.networks.encoder.settings
        let renderers = ImageRenderers(dataset, size: model.imageSize)
        return try extractor.pooledFeatures(count: dataset.count, parameters: state.parameters(of: encoder)) {
            try renderers.renderViews($0, into: $1)
        }
    }
    /// The features that evaluations look at, of whole images: last layer, and last four.
    ///
    /// - Parameter data: Training and test images.
    /// - Throws: As for `features`.
    package func probeFeatures(
        of data: DatasetSplits, encoder: EvaluationConfiguration.Encoder
    ) throws -> [ProbeFeatures] {
        let (train, test) = (try all(data.train, encoder), try all(data.test, encoder))
        return [
            ProbeFeatures(name: FeatureKind.lastLayer.rawValue, train: train.last, test: test.last),
            ProbeFeatures(name: FeatureKind.lastFour.rawValue, train: train.lastFour, test: test.lastFour),
        ]
    }

    private func all(
        _ dataset: ImageDataset, _ encoder: EvaluationConfiguration.Encoder
    ) throws -> FeatureExtractor<Backend>.Features {
        try check(dataset)
        return try extractor.features(
            of: dataset, 0..<dataset.count, parameters: state.parameters(of: encoder))
    }

    private func check(_ dataset: ImageDataset) throws {
        let model = settings.networks.encoder.settings
        guard dataset.channels == model.channels else {
            throw TrainingError(
                description: "\(dataset.name) has images of \(dataset.channels) channels, but model.channels is "
                    + "\(model.channels); give the data that the run was trained on")
        }
    }
}

extension TrainingState {
    /// The weights of an encoder.
    func parameters(of encoder: EvaluationConfiguration.Encoder) -> Parameters<Backend> {
        switch encoder {
        case .target: targetParameters
        case .context: onlineParameters.window(at: 0, count: target.count)
        }
    }
}
