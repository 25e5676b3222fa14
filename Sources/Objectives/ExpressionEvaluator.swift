package import Expressions
package import Kernels
import TensorCore

/// A term that is written as an expression, ready to be evaluated at every step, with its gradient.
package struct ExpressionEvaluator<Backend: KernelBackend>: RegularizerEvaluator {
    private let program: ExpressionProgram<Backend>
    private let viewCount, rows, columns: Int

    /// How many parts the term has.
    package let partCount: Int
    /// Workspace elements of `evaluate`.
    package var elements: Int { program.elements }
    /// Floating-point operations of `evaluate`.
    package var flops: Double { program.flops }

    /// - Parameter weights: Of the term's parts; a part of weight 0 is measured but has no gradient.
    package init(_ term: some ExpressionTerm, weights: [Double], of shape: ViewShape, on backend: Backend) {
        (viewCount, rows, columns) = (shape.views, shape.rows, shape.width)
        partCount = weights.count
        program = ExpressionProgram(term.expressions(weights: weights, of: shape), on: backend)
    }

    /// Appends the parts, and leaves the gradient of `scale` times their weighted sum. Allocates nothing.
    ///
    /// - Parameters:
    ///   - views: [M, n, d].
    ///   - gradient: [M, n, d]; overwritten.
    ///   - randomness: What the term's random numbers are drawn by.
    ///   - parts: The parts are appended.
    package func evaluate(
        views: Tensor<Backend>, scale: Double, gradient: Tensor<Backend>, randomness: StepRandomness,
        workspace: Workspace<Backend>, parts: inout MeasuredValues
    ) {
        let plane = Shape(rows, columns)
        precondition(
            views.shape == Shape(viewCount, rows, columns) && gradient.shape == views.shape,
            "views \(views.shape) and gradient \(gradient.shape) for a term of \(viewCount) × \(plane)")
        let backend = workspace.backend
        program.run(
            workspace: workspace, input: { views.window(at: $0 * plane.count, plane) }, randomness: randomness
        ) { result in
            for view in 0..<viewCount {
                backend.copy(result(view), to: gradient.window(at: view * plane.count, plane))
            }
            for part in 0..<partCount { parts.append(backend.number(in: result(viewCount + part))) }
        }
        backend.scale(gradient, by: Backend.Scalar(scale))
    }
}
