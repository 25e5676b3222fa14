import CAllocations
import CPUKernels
import Expressions
import Kernels
import Objectives
import Safetensors
import TensorCore
import TestSupport
import Testing

/// SIGReg along directions that are given.
private struct DirectedSIGReg: ExpressionTerm {
    let directions: [Double]
    let columns: Int

    func parts(of views: [Expression]) -> [Expression] {
        let matrix = views[0].graph.constant(directions, rows: directions.count / columns, columns: columns)
        return [SIGReg().statistic(of: views, along: matrix)]
    }
}

/// A term whose gradient is easily written by hand: Σ v₀² and Σ v₀ v₁.
private struct ProductTerm: ExpressionTerm {
    func parts(of views: [Expression]) -> [Expression] { [views[0].squared.sum(), (views[0] * views[1]).sum()] }
}

/// A linear term with random factors.
private struct RandomTerm: ExpressionTerm {
    func parts(of views: [Expression]) -> [Expression] {
        views.map { ($0 * $0.graph.normal(rows: $0.rows, columns: $0.columns)).sum() }
    }
}

@Suite struct ExpressionTermTests {
    private let backend = ReferenceBackend<Double>()

    /// The parts and the gradient.
    private func evaluate<Backend: KernelBackend>(
        _ term: some ExpressionTerm, weights: [Double], views: Tensor<Backend>, scale: Double = 1,
        randomness: StepRandomness = StepRandomness(), on backend: Backend
    ) -> (parts: [Double], gradient: [Double]) {
        let evaluator = ExpressionEvaluator(
            term, weights: weights,
            of: ViewShape(views: views.shape[0], rows: views.shape[1], width: views.shape[2]), on: backend)
        let workspace = Workspace(backend, capacity: evaluator.elements)
        let gradient = backend.constant([Double](repeating: .nan, count: views.count), views.shape)
        var parts = MeasuredValues()
        evaluator.evaluate(
            views: views, scale: scale, gradient: gradient, randomness: randomness, workspace: workspace, parts: &parts)
        #expect(workspace.allocations == 1 && workspace.highWaterMark == evaluator.elements)
        return (parts.array, backend.doubles(gradient))
    }

    private func views<Backend: KernelBackend>(_ count: Int, on backend: Backend) throws -> Tensor<Backend> {
        let views = try Golden.safetensors("objectives.safetensors").tensor("views.\(count)")
        return backend.constant(try views.floats().map(Double.init), Shape(views.shape))
    }

    private func golden(_ name: String) throws -> [Double] {
        try Golden.safetensors("objectives.safetensors").tensor(name).doubles()
    }

    @Test("Barlow Twins and its gradient are those of the public code", arguments: [2, 3])
    func barlowTwins(_ count: Int) throws {
        let term = BarlowTwins()
        let (parts, gradient) = evaluate(
            term, weights: term.partWeights, views: try views(count, on: backend), on: backend)
        #expect(relativeError(parts, try golden("barlow_twins.\(count)")) <= 1e-12)
        #expect(relativeError(gradient, try golden("grad.barlow_twins.\(count)")) <= 1e-12)

        let onDiagonal = evaluate(
            term, weights: [2, 0], views: try views(count, on: backend), scale: 0.5, on: backend)
        #expect(onDiagonal.parts == parts)
        #expect(relativeError(onDiagonal.gradient, try golden("grad.barlow_twins.on_diagonal.\(count)")) <= 1e-12)
    }

    @Test("SIGReg and its gradient are those of the public code along the same directions", arguments: [2, 3])
    func sigReg(_ count: Int) throws {
        let directions = try Golden.safetensors("objectives.safetensors").tensor("directions.\(count)")
        let term = DirectedSIGReg(
            directions: try directions.floats().map(Double.init), columns: directions.shape[1])
        let (parts, gradient) = evaluate(term, weights: [1], views: try views(count, on: backend), on: backend)
        #expect(relativeError(parts, try golden("sigreg.\(count)")) <= 1e-12)
        #expect(relativeError(gradient, try golden("grad.sigreg.\(count)")) <= 1e-12)
    }

    @Test("the CPU back end agrees with the public code to the precision of floats")
    func onFloat() throws {
        let cpu = CPUBackend()
        let barlowTwins = evaluate(
            BarlowTwins(), weights: BarlowTwins().partWeights, views: try views(3, on: cpu), on: cpu)
        #expect(relativeError(barlowTwins.parts, try golden("barlow_twins.3")) <= 1e-6)
        #expect(relativeError(barlowTwins.gradient, try golden("grad.barlow_twins.3")) <= 1e-5)
        let directions = try Golden.safetensors("objectives.safetensors").tensor("directions.3")
        let sigReg = evaluate(
            DirectedSIGReg(directions: try directions.floats().map(Double.init), columns: directions.shape[1]),
            weights: [1], views: try views(3, on: cpu), on: cpu)
        #expect(relativeError(sigReg.parts, try golden("sigreg.3")) <= 1e-6)
        #expect(relativeError(sigReg.gradient, try golden("grad.sigreg.3")) <= 1e-5)
    }

    @Test("SIGReg draws new directions at each step and the same ones for the same step and seed")
    func directions() throws {
        let views = try views(2, on: backend)
        let value = { (seed: UInt64, step: Int) in
            evaluate(
                SIGReg(directions: 8), weights: [1], views: views,
                randomness: StepRandomness(seed: seed, step: step), on: backend
            ).parts[0]
        }
        #expect(value(1, 1) == value(1, 1))
        #expect(value(1, 1) != value(1, 2))
        #expect(value(1, 1) != value(2, 1))
    }

    @Test("SIGReg is small for normal features and large for collapsed and for wide ones")
    func collapse() {
        let (n, d) = (400, 6)
        let value = { (scale: Double) in
            let views = backend.constant(normals(n * d, sample: 5, scale: scale), Shape(1, n, d))
            return evaluate(SIGReg(directions: 32), weights: [1], views: views, on: backend).parts[0]
        }
        // Under normality the statistic's mean is ∫ (1 − exp(−t²)) exp(−t²/2) dt = 1.06 whatever n is.
        #expect(abs(value(1) - 1.06) <= 0.5)
        #expect(value(0) >= 100 && value(5) >= 100)
    }

    @Test("parts are not weighted, the gradient is, and a part of weight 0 has none")
    func weights() {
        let views = backend.tensor([1, 2, 3, 4], 2, 1, 2)
        let both = evaluate(ProductTerm(), weights: [2, 10], views: views, scale: 0.5, on: backend)
        #expect(both.parts == [5, 11])
        #expect(both.gradient == [2 + 15, 4 + 20, 5, 10])
        let one = evaluate(ProductTerm(), weights: [0, 1], views: views, on: backend)
        #expect(one.parts == [5, 11] && one.gradient == [3, 4, 1, 2])
        let none = evaluate(ProductTerm(), weights: [0, 0], views: views, on: backend)
        #expect(none.parts == [5, 11] && none.gradient == [0, 0, 0, 0])
    }

    @Test("random inputs are standard normal, each its own, and equal on every back end")
    func randomInputs() {
        let views = backend.constant([Double](repeating: 1, count: 2 * 50 * 40), Shape(2, 50, 40))
        let randomness = StepRandomness(seed: 9, step: 4)
        // The gradient is the factors themselves.
        let (_, factors) = evaluate(
            RandomTerm(), weights: [1, 1], views: views, randomness: randomness, on: backend)
        let (first, second) = (Array(factors.prefix(2000)), Array(factors.suffix(2000)))
        for numbers in [first, second] {
            #expect(abs(numbers.reduce(0, +) / 2000) <= 0.1)
            #expect(abs(inner(numbers, numbers) / 2000 - 1) <= 0.15)
        }
        #expect(abs(inner(first, second) / 2000) <= 0.1)

        let cpu = CPUBackend()
        let floats = evaluate(
            RandomTerm(), weights: [1, 1], views: cpu.constant(backend.doubles(views), views.shape),
            randomness: randomness, on: cpu)
        #expect(floats.gradient == factors.map { Double(Float($0)) })
    }

    // Without optimisation, generic code and closures allocate.
    #if !DEBUG
        @Test("evaluating allocates nothing", .enabled(if: callocations_can_count() != 0))
        func allocations() throws {
            let cpu = CPUBackend()
            let views = try views(3, on: cpu)
            let gradient = cpu.makeTensor(views.shape)
            let shape = ViewShape(views: 3, rows: 16, width: 12)
            let evaluators = [
                ExpressionEvaluator(
                    BarlowTwins(), weights: [1, 0.0051], of: shape, on: cpu),
                ExpressionEvaluator(SIGReg(directions: 8), weights: [1], of: shape, on: cpu),
            ]
            for evaluator in evaluators {
                let workspace = Workspace(cpu, capacity: evaluator.elements)
                // Other tests allocate meanwhile; the fewest calls of many evaluations are its own.
                var fewest = UInt64.max
                for step in 0..<2000 where fewest > 0 {
                    var parts = MeasuredValues()
                    callocations_start()
                    evaluator.evaluate(
                        views: views, scale: 1, gradient: gradient, randomness: StepRandomness(step: step),
                        workspace: workspace, parts: &parts)
                    fewest = min(fewest, callocations_stop())
                }
                #expect(fewest == 0)
            }
        }
    #endif
}
