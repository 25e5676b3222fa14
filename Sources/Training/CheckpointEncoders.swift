package import Datasets
package import Diagnostics
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
        let model = settings.networks.encoder.settings
        guard dataset.channels == model.channels else {
            throw TrainingError(
                description: "\(dataset.name) has images of \(dataset.channels) channels, but model.channels is "
                    + "\(model.channels); give the data that the run was trained on")
        }
        let renderers = ImageRenderers(dataset, size: model.imageSize)
        return try extractor.pooledFeatures(count: dataset.count, parameters: state.parameters(of: encoder)) {
            try renderers.renderViews($0, into: $1)
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
