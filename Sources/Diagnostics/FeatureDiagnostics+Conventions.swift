extension FeatureDiagnostics {
    /// What a measure is, exactly.
    package struct Convention: Sendable, Hashable {
        package let name: String
        /// Formula, centring and epsilon; Z [n, D] are the features, σ singular values, λ eigenvalues.
        package let text: String
        /// Part of `Scope.essential`.
        package let isEssential: Bool
    }

    /// Every measure in its order.
    package static let conventions: [Convention] = [
        essential("rankme", "exp(entropy of σ/Σσ + 1e-7), σ of Z not centred, min(n, D) of them"),
        essential("std_mean", "mean over dimensions of the std over rows, with 1/(n − 1)"),
        essential("std_min", "smallest over dimensions of the std over rows, with 1/(n − 1)"),
        essential("std_low_share", "share of dimensions with a std below 0.01 of the median std"),
        essential(
            "normalised_std_mean",
            "mean over dimensions of the std of L2-normalised rows, with 1/(n − 1); 1/√D if evenly spread"),
        essential("mean_cosine", "mean cosine over all pairs of different rows, not centred"),
        essential("mean_norm_ratio", "norm of the mean row over the root mean squared norm of the rows"),
        whole(
            "live_directions",
            "share of the min(n − 1, D) directions whose σ is at least 0.01 of the largest, σ of Z minus its column means"
        ),
        whole("effective_rank", "exp(entropy of σ/Σσ + 1e-7), σ of Z minus its column means"),
        whole("effective_rank_eigen", "exp(entropy of λ/Σλ + 1e-7), λ of the covariance of Z, with 1/(n − 1)"),
        whole("participation_ratio", "(Σλ)²/Σλ², λ of the covariance of Z"),
        whole("nesum", "Σλ/λ₁, λ of the covariance of Z"),
        whole("condition_number", "σ₁/σ_min, σ of Z not centred; infinite without full rank"),
        whole(
            "alpha_req",
            "α of λ_j ∝ j^(−α), least squares in log-log with weights 1/j over all λ above rounding"),
        whole(
            "uniformity",
            "log mean exp(−2‖x − y‖²) over pairs of different L2-normalised rows; a seeded sample of 2048 rows if n "
                + "is larger"),
    ]

    private static func essential(_ name: String, _ text: String) -> Convention {
        Convention(name: name, text: text, isEssential: true)
    }

    private static func whole(_ name: String, _ text: String) -> Convention {
        Convention(name: name, text: text, isEssential: false)
    }
}
