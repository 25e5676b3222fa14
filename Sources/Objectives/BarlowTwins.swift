package import Expressions

/// Barlow Twins (Zbontar et al., ICML 2021), as in its public code, over M views of the same n images.
///
/// Each view is standardised over the batch (biased variance); C = ZᵢᵀZⱼ / n is the cross-correlation of two views. The
/// diagonal of C is drawn to 1, everything else to 0. With more than two views both parts are means over all pairs i < j;
/// a pair's transpose has the same parts.
package struct BarlowTwins: ExpressionTerm, Hashable {
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

    /// Of the parts, in their order.
    package var weights: [Double] { [onDiagonal, offDiagonal] }

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
