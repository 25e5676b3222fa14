import Declarations
import Diagnostics
import Objectives
import ExperimentSpec

extension MetricConvention {
    /// Measures of a feature matrix, whichever features it holds.
    static let featureMeasures: [String: MetricConvention] = .init(FeatureDiagnostics.columns)

    /// A column of a table below "diagnostics/": "diagnostics/target/patches", "diagnostics/encoders".
    static func diagnostics(_ table: String, _ column: String) -> MetricConvention? {
        let parts = table.split(separator: "/").map(String.init)
        if column == "step" { return .init("step", "optimiser steps done; 0 is the initialisation") }
        guard parts.count == 3, let source = sources[parts[1]], let view = views[parts[2]] else {
            return parts.count == 2 ? (parts[1] == "encoders" ? encoders : predictor)[column] : nil
        }
        if let own = ofViews[column] { return .init(own.unit, "\(own.text); \(source)") }
        return featureMeasures[column].map { .init($0.unit, "\($0.text); rows are \(view); \(source)") }
    }

    private static let sources = [
        "target": "target encoder, test images, its output (last layer after its LayerNorm)",
        "context": "context encoder on all patches, test images, its output (last layer after its LayerNorm)",
        "predictions":
            "predictions of hidden blocks, first 512 test images at most, the same masks at every step",
    ]
    private static let views = [
        "images": "means over an image's patches",
        "patches": "single patches, a seeded sample of diagnostics.patch_rows, the same at every step",
        "within": "the same patches minus the mean over all patches of their image",
    ]

    private static let ofViews: [String: MetricConvention] = [
        "rows": .init("1", "n, rows of the measured matrix"),
        "width": .init("1", "D, width of the measured matrix"),
        "lidar": .init(
            "1",
            "exp of the entropy of p = l / sum(l) + 1e-8, l eigenvalues of Sw^-1/2 Sb Sw^-1/2 over "
                + "diagnostics.lidar_objects test images x diagnostics.lidar_views seeded random resized crops (as in "
                + "training), pooled; Sb with 1/(n-1), Sw with 1/(n(q-1)) + 1e-4 on its diagonal"),
        "variance_between_images": .init("1", "trace of the covariance of the images' means, with 1/(n-1)"),
        "variance_within_images": .init(
            "1", "mean squared distance of the chosen patches from their image's mean, times N/(N-1)"),
        "between_within_ratio": .init("1", "variance_between_images / variance_within_images"),
    ]

    private static let encoders: [String: MetricConvention] = [
        "feature_cosine": .init("1", "mean cosine of target and context encoder's pooled features of a test image"),
        "feature_cosine_centred": .init("1", "the same after subtracting each encoder's mean over images"),
        "patch_cosine": .init("1", "mean cosine of target and context encoder's features of a patch (chosen patches)"),
        "patch_cosine_centred": .init("1", "the same after subtracting each encoder's mean over the patches"),
        "weight_distance": .init("1", "|target - context| / |context| over all weights of the encoder"),
        "weight_distance_by_layer": .init(
            "1", "|target - context| / |context| over the weights of each layer, which the attribute labels names"),
        "target_movement": .init("1", "|target - initial| / |initial| over all weights of the encoder"),
        "context_movement": .init("1", "|context - initial| / |initial| over all weights of the encoder"),
    ]

    /// Of "diagnostics/predictor", and of evaluations, which repeat the last two.
    static let predictor: [String: MetricConvention] = [
        "loss": .init(
            "1", "prediction loss on up to 512 test images and masks that are the same at every step and in every run"),
        "predictor_r2": .init(
            "1",
            "1 - squared error of the predictions / that of the targets' constant mean, on up to 512 test images and "
                + "masks that are the same at every evaluation"),
        "predictor_r2_position": .init(
            "1", "1 - squared error of the predictions / that of the targets' mean at each position"),
    ]

    /// A column of "gradients": "prediction_encoder", "variance_predictor".
    static func gradient(_ column: String) -> MetricConvention? {
        if column == "step" { return .init("step", "the optimiser step whose batch this was") }
        guard let mark = column.lastIndex(of: "_"), let term = gradientOwners[String(column[..<mark])],
            let network = ["encoder": "context encoder", "predictor": "predictor"][
                String(column[column.index(after: mark)...])]
        else { return nil }
        return .init(
            "1",
            "L2 norm of the gradient of \(term) alone over the \(network)'s parameters, weighted as in the loss, "
                + "before clipping")
    }

    /// Whose gradient the names of norms stand for.
    private static var gradientOwners: [String: String] {
        var owners = ["prediction": "the prediction loss"]
        for declaration in Catalogue.current.regularizers.map({ $0.declaration }) {
            owners[declaration.gradientName] = "the whole \(declaration.title) term"
            for (name, part) in zip(declaration.gradientPartNames, declaration.parts) {
                owners[name] = "\(declaration.title)'s \(part.title.lowercased())"
            }
        }
        return owners
    }
}
