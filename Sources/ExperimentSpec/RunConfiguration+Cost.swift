import Declarations

extension RunConfiguration {
    /// Whether its cost can be estimated: it could be trained, and its sizes are those of a model. A configuration that
    /// was read from a file of results need not be either.
    package var hasCost: Bool {
        let sizes = [
            model.width, model.depth, model.heads, model.imageSize, model.patchSize, model.channels,
            training.batchSize,
        ]
        let predictorSizes = Catalogue.current.predictors.keys.allSatisfy { key in
            Double(specValue: key.value(in: self)).map(key.limits.contain) ?? true
        }
        guard sizes.allSatisfy({ (1...65_536).contains($0) }), predictorSizes, model.imageSize / model.patchSize <= 256
        else {
            return false
        }
        return ConfigurationValidator.findings(
            in: self, trainingImages: nil, checksData: false, fileExists: { _ in true }
        )
        .isEmpty
    }
}
