import Declarations
import Objectives
import ExperimentSpec

extension MetricConvention {
    /// Measures of a feature matrix, whichever features it holds; l eigenvalues of their covariance with 1/(n-1).
    static let featureMeasures: [String: MetricConvention] = [
        "rankme": .init(
            "1",
            "exp of the entropy of p = s / sum(s) + 1e-7, s singular values of the features, not centred"),
        "live_directions": .init(
            "1", "share of the min(n-1, D) directions whose singular value is at least 0.01 of the largest, centred"),
        "effective_rank": .init("1", "as rankme, on centred features"),
        "std_mean": .init("1", "mean over dimensions of the standard deviation over rows, with 1/(n-1)"),
        "std_min": .init("1", "minimum over dimensions of the standard deviation over rows, with 1/(n-1)"),
        "normalised_std_mean": .init(
            "1", "as std_mean, of L2-normalised features; 1/sqrt(D) when they are spread evenly"),
        "std_low_share": .init(
            "1", "share of the dimensions whose standard deviation is below 0.01 of the median one"),
        "mean_norm_ratio": .init("1", "norm of the mean row over the root mean squared norm"),
        "effective_rank_eigen": .init(
            "1",
            "exp of the entropy of p = l / sum(l) + 1e-7, l eigenvalues of the covariance with 1/(n-1)"),
        "participation_ratio": .init("1", "sum(l)^2 / sum(l^2), l eigenvalues of the covariance"),
        "nesum": .init("1", "sum(l) / max(l), l eigenvalues of the covariance"),
        "condition_number": .init(
            "1", "largest over smallest singular value, not centred; infinite without full rank"),
        "alpha_req": .init(
            "1",
            "a of l_j ~ j^-a, l eigenvalues of the covariance, least squares in log-log with weights 1/j"),
        "uniformity": .init(
            "1",
            "log mean exp(-2 |x - y|^2) over pairs of different L2-normalised rows, a seeded 2048 of them if there are "
                + "more"),
        "mean_cosine": .init("1", "mean cosine of two different rows"),
        "singular_values": .init("1", "of the features, not centred, descending, [rows, D]"),
    ]

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
