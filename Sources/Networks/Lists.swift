/// The kinds of predictor that a spec can choose, in the order of the documentation; the first is the default.
package enum Predictors {
    package static let standard: [any FeaturePredictor.Type] = [TransformerPredictor.self, MeanPredictor.self]
}
