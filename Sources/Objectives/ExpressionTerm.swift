package import Expressions

/// A term of an objective that is written as an expression of the pooled views; its gradient follows from that.
package protocol ExpressionTerm: Sendable {
    /// The unweighted parts of the loss, 1×1 each.
    ///
    /// - Parameter views: M matrices [n, d] of one graph, one row for each image of the batch.
    func parts(of views: [Expression]) -> [Expression]
}
