package import Expressions
package import Kernels
import TensorCore

/// A prediction loss that is written as an expression of a patch's prediction and target; its gradients follow from that.
package protocol ExpressionPredictionLoss: PredictionLoss {
    /// The losses of n patches, each a function of its own row alone and of no random numbers: [n, 1], or [n, D] to be
    /// averaged over columns. The rows are not those of one batch.
    ///
    /// - Parameters:
    ///   - prediction, target: [n, D] of one graph.
    func losses(_ prediction: Expression, _ target: Expression) -> Expression
}

extension ExpressionPredictionLoss {
    package var isOfDifferences: Bool { false }

    package func elements(width: Int, hasTargetGradient: Bool) -> Int {
        // A program's memory, the last rows filled up, and a sum.
        ExpressionCost(expressions(width: width, hasTargetGradient: hasTargetGradient)).elements
            + 2 * alignedElements(rowsAtOnce * width) + alignedElements(1)
    }

    package func flops(patches: Double, width: Int) -> Double {
        ExpressionCost(expressions(width: width, hasTargetGradient: false)).productFlops * patches / Double(rowsAtOnce)
    }

    package func evaluator<Backend: KernelBackend>(
        width: Int, on backend: Backend
    ) -> any PredictionLossEvaluator<Backend> {
        ExpressionLossEvaluator(self, width: width, on: backend)
    }

    package func total(width: Int) -> ([Float], [Float]) -> Double {
        let backend = ReferenceBackend<Double>()
        let evaluator = ExpressionLossEvaluator(self, width: width, on: backend)
        let elements = elements(width: width, hasTargetGradient: false)
        return { predictions, targets in
            let shape = Shape(predictions.count / width, width)
            guard shape.count > 0 else { return 0 }
            let mean = evaluator.evaluate(
                prediction: backend.constant(predictions.map { Double($0) }, shape),
                target: backend.constant(targets.map { Double($0) }, shape), batchCount: shape.count,
                gradient: backend.makeTensor(shape), targetGradient: nil,
                workspace: Workspace(backend, capacity: elements))
            return mean * Double(shape.count)
        }
    }

    /// The gradient with respect to the predictions, that with respect to the targets if it is wanted, and the losses,
    /// [rows, 1].
    fileprivate func expressions(width: Int, hasTargetGradient: Bool) -> [Expression] {
        let graph = ExpressionGraph()
        let inputs = (0..<2).map { _ in graph.input(rows: rowsAtOnce, columns: width) }
        let given = losses(inputs[0], inputs[1])
        precondition(
            given.rows == rowsAtOnce && (given.columns == 1 || given.columns == width) && !graph.drawsNumbers,
            "a prediction loss of \(given.rows)×\(given.columns) for \(rowsAtOnce) rows of \(width)")
        let losses = given.columns == 1 ? given : given.mean(over: .columns)
        return graph.gradient(
            of: losses.sum(), withRespectTo: hasTargetGradient ? inputs : [inputs[0]]) + [losses]
    }
}

/// Rows of one run of a program.
private let rowsAtOnce = 256

/// A loss that is an expression, planned for a few rows at a time: how many patches a step has differs from step to step.
private struct ExpressionLossEvaluator<Backend: KernelBackend>: PredictionLossEvaluator {
    private let width: Int
    /// With the gradient with respect to the target, and without.
    private let both, one: ExpressionProgram<Backend>

    init(_ loss: some ExpressionPredictionLoss, width: Int, on backend: Backend) {
        self.width = width
        both = ExpressionProgram(loss.expressions(width: width, hasTargetGradient: true), on: backend)
        one = ExpressionProgram(loss.expressions(width: width, hasTargetGradient: false), on: backend)
    }

    func evaluate(
        prediction: Tensor<Backend>, target: Tensor<Backend>, batchCount: Int, gradient: Tensor<Backend>,
        targetGradient: Tensor<Backend>?, workspace: Workspace<Backend>
    ) -> Double {
        precondition(
            prediction.shape == target.shape && gradient.shape == target.shape && target.count.isMultiple(of: width),
            "predictions \(prediction.shape), targets \(target.shape) and gradient \(gradient.shape) of width \(width)")
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let (count, plane) = (target.count / width, Shape(rowsAtOnce, width))
        let (filled, sum) = ((workspace.take(plane), workspace.take(plane)), workspace.take(Shape(1, 1)))
        var total = 0.0
        for start in stride(from: 0, to: count, by: rowsAtOnce) {
            let rows = min(rowsAtOnce, count - start)
            let part = Shape(rows, width)
            var inputs = (prediction, target)
            if rows < rowsAtOnce {
                // Rows that no patch fills are computed and not read.
                inputs = filled
                backend.fill(filled.0, with: 0)
                backend.fill(filled.1, with: 0)
                backend.copy(prediction.window(at: start * width, part), to: filled.0.window(at: 0, part))
                backend.copy(target.window(at: start * width, part), to: filled.1.window(at: 0, part))
            }
            let place = rows < rowsAtOnce ? 0 : start * width
            (targetGradient == nil ? one : both).run(
                workspace: workspace, input: { ($0 == 0 ? inputs.0 : inputs.1).window(at: place, plane) }
            ) { result in
                backend.copy(result(0).window(at: 0, part), to: gradient.window(at: start * width, part))
                if let targetGradient {
                    backend.copy(result(1).window(at: 0, part), to: targetGradient.window(at: start * width, part))
                }
                backend.sum(result(targetGradient == nil ? 1 : 2).window(at: 0, Shape(rows, 1)), to: sum)
                total += backend.number(in: sum)
            }
        }
        let scale = Double(width) / Double(batchCount)
        backend.scale(gradient, by: Backend.Scalar(scale))
        if let targetGradient { backend.scale(targetGradient, by: Backend.Scalar(scale)) }
        return total * scale
    }
}
