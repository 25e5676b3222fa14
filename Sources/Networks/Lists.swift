/// The kinds of predictor that a spec can choose, in the order of the documentation.
package enum Predictors {
    package static let standard: [any FeaturePredictor.Type] = [TransformerPredictor.self, MeanPredictor.self]
    /// The one that a spec means which chooses none.
    package static let defaultName = TransformerPredictor.name
}
