package import Declarations

extension FeatureDiagnostics {
    /// The measures as columns of results, whichever features they are of; l eigenvalues of their covariance with
    /// 1/(n-1).
    package static let columns: [DeclaredColumn] = [
        DeclaredColumn(
            "rankme", "exp of the entropy of p = s / sum(s) + 1e-7, s singular values of the features, not centred"),
        DeclaredColumn(
            "live_directions",
            "share of the min(n-1, D) directions whose singular value is at least 0.01 of the largest, centred"),
        DeclaredColumn("effective_rank", "as rankme, on centred features"),
        DeclaredColumn("std_mean", "mean over dimensions of the standard deviation over rows, with 1/(n-1)"),
        DeclaredColumn("std_min", "minimum over dimensions of the standard deviation over rows, with 1/(n-1)"),
        DeclaredColumn(
            "normalised_std_mean", "as std_mean, of L2-normalised features; 1/sqrt(D) when they are spread evenly"),
        DeclaredColumn(
            "std_low_share", "share of the dimensions whose standard deviation is below 0.01 of the median one"),
        DeclaredColumn("mean_norm_ratio", "norm of the mean row over the root mean squared norm"),
        DeclaredColumn(
            "effective_rank_eigen",
            "exp of the entropy of p = l / sum(l) + 1e-7, l eigenvalues of the covariance with 1/(n-1)"),
        DeclaredColumn("participation_ratio", "sum(l)^2 / sum(l^2), l eigenvalues of the covariance"),
        DeclaredColumn("nesum", "sum(l) / max(l), l eigenvalues of the covariance"),
        DeclaredColumn(
            "condition_number", "largest over smallest singular value, not centred; infinite without full rank"),
        DeclaredColumn(
            "alpha_req", "a of l_j ~ j^-a, l eigenvalues of the covariance, least squares in log-log with weights 1/j"),
        DeclaredColumn(
            "uniformity",
            "log mean exp(-2 |x - y|^2) over pairs of different L2-normalised rows, a seeded 2048 of them if there are "
                + "more"),
        DeclaredColumn("mean_cosine", "mean cosine of two different rows"),
        DeclaredColumn("singular_values", "of the features, not centred, descending, [rows, D]"),
    ]
}
