package import Expressions
package import Kernels
import Synchronization

/// A term of an objective that is written as an expression of the pooled views; its gradient follows from that.
package protocol ExpressionTerm: Sendable {
    /// The unweighted parts of the loss, 1×1 each.
    ///
    /// - Parameter views: M matrices [n, d] of one graph, one row for each image of the batch, or for each patch.
    func parts(of views: [Expression]) -> [Expression]
}

extension ExpressionTerm {
    /// The gradients of the weighted sum of the parts with respect to the views, and then the parts.
    func expressions(weights: [Double], of shape: ViewShape) -> [Expression] {
        let graph = ExpressionGraph()
        let inputs = (0..<shape.views).map { _ in graph.input(rows: shape.rows, columns: shape.width) }
        let parts = parts(of: inputs)
        precondition(
            parts.count == weights.count && parts.allSatisfy { $0.count == 1 },
            "\(weights.count) weights for parts of \(parts.map { "\($0.rows)×\($0.columns)" })")
        let total = zip(parts, weights).filter { $0.1 != 0 }.reduce(graph.constant(0)) { $0 + $1.0 * $1.1 }
        // Gradients first: what a view's own needs, as the parts do, has then left the memory when the next one's begins.
        return graph.gradient(of: total, withRespectTo: inputs) + parts
    }
}

/// A regulariser that is written as an expression: what it declares and `parts` are all that it takes.
package protocol ExpressionRegularizer: Regularizer, ExpressionTerm, Hashable {}

extension ExpressionRegularizer {
    package func evaluator<Backend: KernelBackend>(
        of shape: ViewShape, on backend: Backend
    ) -> any RegularizerEvaluator<Backend> {
        ExpressionEvaluator(self, weights: partWeights, of: shape, on: backend)
    }

    package func flops(_ shape: ViewShape) -> Double { cost(shape).productFlops }

    package func elements(_ shape: ViewShape) -> Int { cost(shape).elements }

    /// Planned once for each shape: the arms of a matrix ask for the same ones.
    private func cost(_ shape: ViewShape) -> ExpressionCost {
        let question = CostQuestion(term: AnyHashable(self), shape: shape)
        if let known = knownCosts.withLock({ $0[question] }) { return known }
        let cost = ExpressionCost(expressions(weights: partWeights, of: shape))
        knownCosts.withLock { known in
            if known.count >= 1000 { known.removeAll() }
            known[question] = cost
        }
        return cost
    }
}

private struct CostQuestion: Hashable, @unchecked Sendable {
    /// A regulariser, which is `Sendable`.
    let term: AnyHashable
    let shape: ViewShape
}

private let knownCosts = Mutex<[CostQuestion: ExpressionCost]>([:])
