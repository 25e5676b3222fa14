package import Declarations
package import Expressions

/// Barlow Twins (Zbontar et al., ICML 2021), as in its public code, over M views of the same n images.
///
/// Each view is standardised over the batch (biased variance); C = ZᵢᵀZⱼ / n is the cross-correlation of two views. The
/// diagonal of C is drawn to 1, everything else to 0. With more than two views both parts are means over all pairs i < j;
/// a pair's transpose has the same parts.
package struct BarlowTwins: ExpressionRegularizer, Hashable {
    /// Weight of Σ (C_kk − 1)².
    package var onDiagonal: Double
    /// Weight of Σ_{k≠l} C_kl²; λ in the paper.
    package var offDiagonal: Double
    /// Added to variances.
    package var epsilon: Double

    package init(onDiagonal: Double = 1, offDiagonal: Double = 0.0051, epsilon: Double = 1e-5) {
        self.onDiagonal = onDiagonal
        self.offDiagonal = offDiagonal
        self.epsilon = epsilon
    }

    package static let declaration = RegularizerDeclaration(
        name: "barlow_twins", title: "Barlow Twins", weightText: "Weight of Barlow Twins; 0: off.",
        keys: [
            DeclaredKey(
                "off_diagonal", default: 0.0051, "λ: weight of the redundancy between features.", limits: .notNegative,
                synonyms: "lambd redundancy")
        ],
        parts: [
            DeclaredSeries(
                "on_diagonal", title: "Diagonal", short: "diag",
                "sum of (c - 1)^2 over the diagonal of the cross-correlation, mean over pairs of views"),
            DeclaredSeries(
                "off_diagonal", title: "Off the diagonal", short: "off",
                "sum of c^2 off the diagonal of the cross-correlation, mean over pairs of views; before lambda"),
        ],
        convention: "on_diagonal + objective.barlow_twins.off_diagonal * off_diagonal, before the term's weight",
        minimumViews: 2)

    package init(_ settings: Settings) { self.init(offDiagonal: settings["off_diagonal"]) }

    package var partWeights: [Double] {
        get { [onDiagonal, offDiagonal] }
        set { (onDiagonal, offDiagonal) = (newValue[0], newValue[1]) }
    }

    package func parts(of views: [Expression]) -> [Expression] {
        precondition(views.count >= 2, "Barlow Twins needs two views, not \(views.count)")
        let normal = views.map { $0.standardized(over: .rows, epsilon: epsilon) }
        let correlations = normal.indices.flatMap { i in
            normal[(i + 1)...].map { normal[i].transposed.times($0) / Double(normal[i].rows) }
        }
        return [
            Expression.mean(correlations.map { ($0.diagonal - 1).squared.sum() }),
            Expression.mean(correlations.map { $0.offDiagonal.squared.sum() }),
        ]
    }
}
