import Declarations

/// What the keys of data sets of photographs say about showing them.
struct EncodedSettings {
    private let settings: Settings

    init(_ settings: Settings) { self.settings = settings }

    /// How evaluations look at images.
    ///
    /// - Parameter imageSize: Side of the model's images.
    func view(imageSize: Int) -> EvaluationView {
        let usual = Int((Double(imageSize) * 256 / 224).rounded())
        return EvaluationView(
            shortSide: settings["view_short_side", as: Int?.self] ?? usual,
            interpolation: Interpolation(rawValue: settings["interpolation"]) ?? .bilinear)
    }

    /// What pixels are normalised with.
    ///
    /// - Throws: `DatasetError` for numbers that do not fit the channels; as `Normalization.measured`.
    func normalization(of train: ImageDataset, _ input: ModelInput) throws -> Normalization {
        switch settings["normalization", as: String.self] {
        case "dataset": return try Normalization.measured(on: train, progress: input.progress)
        case "numbers":
            let (mean, deviation): ([Double], [Double]) = (settings["mean"], settings["std"])
            guard mean.count == deviation.count,
                let converted = Normalization(mean: mean, standardDeviation: deviation)
                    .converted(toChannels: train.channels)
            else {
                throw DatasetError(
                    place: "data.mean, data.std",
                    problem: "\(mean.count) means with \(deviation.count) deviations for \(train.channels) channels",
                    remedy: "give one number for each channel, 1 or 3, in both")
            }
            return converted
        default: return .imagenet(channels: train.channels)
        }
    }
}
