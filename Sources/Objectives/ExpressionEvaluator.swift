package import Expressions
package import Kernels
import TensorCore

/// A term that is written as an expression, ready to be evaluated at every step, with its gradient.
package struct ExpressionEvaluator<Backend: KernelBackend>: Sendable {
    private let program: ExpressionProgram<Backend>
    private let viewCount, rows, columns: Int

    /// How many parts the term has.
    package let partCount: Int
    /// Workspace elements of `evaluate`.
    package var elements: Int { program.elements }
    /// Floating-point operations of `evaluate`.
    package var flops: Int { program.flops }

    /// - Parameters:
    ///   - weights: Of the term's parts; a part of weight 0 is measured but has no gradient.
    ///   - views, rows, columns: M, n and d of the views.
    package init(
        _ term: some ExpressionTerm, weights: [Double], views: Int, rows: Int, columns: Int, on backend: Backend
    ) {
        (viewCount, self.rows, self.columns) = (views, rows, columns)
        let graph = ExpressionGraph()
        let inputs = (0..<views).map { _ in graph.input(rows: rows, columns: columns) }
        let parts = term.parts(of: inputs)
        precondition(
            parts.count == weights.count && parts.allSatisfy { $0.count == 1 },
            "\(weights.count) weights for parts of \(parts.map { "\($0.rows)×\($0.columns)" })")
        partCount = parts.count
        let total = zip(parts, weights).filter { $0.1 != 0 }.reduce(graph.constant(0)) { $0 + $1.0 * $1.1 }
        // Gradients first: what a view's own needs, as the parts do, has then left the memory when the next one's begins.
        program = ExpressionProgram(graph.gradient(of: total, withRespectTo: inputs) + parts, on: backend)
    }

    /// The parts, and the gradient of `scale` times their weighted sum. Allocates nothing.
    ///
    /// - Parameters:
    ///   - views: [M, n, d].
    ///   - gradient: [M, n, d]; overwritten.
    ///   - randomness: What the term's random numbers are drawn by.
    ///   - parts: As many numbers as the term has parts; overwritten.
    package func evaluate(
        views: Tensor<Backend>, scale: Double, gradient: Tensor<Backend>, randomness: StepRandomness,
        workspace: Workspace<Backend>, parts: inout [Double]
    ) {
        let plane = Shape(rows, columns)
        precondition(
            views.shape == Shape(viewCount, rows, columns) && gradient.shape == views.shape,
            "views \(views.shape) and gradient \(gradient.shape) for a term of \(viewCount) × \(plane)")
        precondition(parts.count == partCount, "room for \(parts.count) parts of \(partCount)")
        let backend = workspace.backend
        program.run(
            workspace: workspace, input: { views.window(at: $0 * plane.count, plane) }, randomness: randomness
        ) { result in
            for view in 0..<viewCount {
                backend.copy(result(view), to: gradient.window(at: view * plane.count, plane))
            }
            for part in 0..<partCount { parts[part] = backend.number(in: result(viewCount + part)) }
        }
        backend.scale(gradient, by: Backend.Scalar(scale))
    }
}
