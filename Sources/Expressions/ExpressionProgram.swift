package import Kernels
import TensorCore

/// Expressions ready to be computed on a back end, any number of times and without allocations.
///
/// Values live in one piece of a workspace, each from where it is computed to where it is last read; an operation on
/// elements writes over an operand that nothing reads any more.
package struct ExpressionProgram<Backend: KernelBackend>: Sendable {
    private let plan: ExpressionPlan
    /// One after the other, on the device.
    private let constants: Tensor<Backend>

    /// Elements of the workspace that `run` takes.
    package let elements: Int
    /// Floating-point operations of one run: 2nkd for a product, one for each element that anything else reads or makes.
    package var flops: Double { plan.flops }

    /// - Parameter expressions: What is to be computed, all of one graph.
    package init(_ expressions: [Expression], on backend: Backend) {
        plan = ExpressionPlan(expressions)
        elements = alignedElements(plan.elements)
        constants = backend.constant(plan.constants, Shape(plan.constants.count))
    }

    /// Computes all expressions.
    ///
    /// - Parameters:
    ///   - input: The matrix for an input of the graph, by its number, [n, d].
    ///   - randomness: What the graph's random numbers are drawn by.
    ///   - body: Is given the values of the expressions, by their places in the list, [n, d], valid during the call.
    package func run<Result>(
        workspace: Workspace<Backend>, input: (Int) -> Tensor<Backend>, randomness: StepRandomness = StepRandomness(),
        _ body: ((Int) -> Tensor<Backend>) throws -> Result
    ) rethrows -> Result {
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let memory = workspace.take(Shape(elements))
        func own(_ operand: ExpressionPlan.Operand) -> Tensor<Backend> {
            (operand.source == .constants ? constants : memory).window(at: operand.offset, operand.shape)
        }
        func tensor(_ operand: ExpressionPlan.Operand) -> Tensor<Backend> {
            guard case .input(let number) = operand.source else { return own(operand) }
            return input(number).window(at: operand.offset, operand.shape)
        }
        for step in plan.steps {
            step.run(tensor(step.a), tensor(step.b), to: tensor(step.result), randomness, on: workspace.backend)
        }
        return try body { own(plan.results[$0]) }
    }
}

/// What it takes to compute expressions.
package struct ExpressionCost: Sendable, Hashable {
    /// Elements of memory.
    package let elements: Int
    /// Floating-point operations of matrix products, 2nkd each.
    package let productFlops: Double

    package init(_ expressions: [Expression]) {
        let plan = ExpressionPlan(expressions)
        (elements, productFlops) = (alignedElements(plan.elements), plan.productFlops)
    }
}

/// What the random numbers of a step are drawn by: they are a function of both and of the place in the graph.
package struct StepRandomness: Sendable, Hashable {
    package var seed: UInt64
    package var step: Int

    package init(seed: UInt64 = 0, step: Int = 0) {
        self.seed = seed
        self.step = step
    }

    func stream(_ number: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: .objective, epoch: step, sample: number)
    }
}

extension ExpressionPlan.Step {
    func run<Backend: KernelBackend>(
        _ a: Tensor<Backend>, _ b: Tensor<Backend>, to result: Tensor<Backend>, _ randomness: StepRandomness,
        on backend: Backend
    ) {
        switch operation {
        case .function(let function): backend.apply(function, a, to: result)
        case .elementwise(let operation): backend.combine(operation, a, b, to: result)
        case .sum: backend.sum(a, to: result)
        case .maximum: backend.maximum(a, to: result)
        case .transpose: backend.transpose(a, to: result)
        case .diagonal: backend.diagonal(of: a, to: result)
        case .diagonalMatrix: backend.diagonalMatrix(a, to: result)
        case .copy: backend.copy(a, to: result)
        case .normal(let number): backend.fillNormal(result, from: randomness.stream(number))
        case .product(let transposeLeft, let transposeRight):
            backend.multiply(
                a, transposed: transposeLeft, b, transposed: transposeRight, alpha: 1, beta: 0, to: result)
        }
    }
}
