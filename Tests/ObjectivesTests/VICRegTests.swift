import Kernels
import Objectives
import Safetensors
import TensorCore
import TestSupport
import Testing

@Suite struct VICRegTests {
    private let backend = ReferenceBackend<Double>()

    /// The golden predictions [M, B, Kp, D] averaged over Kp, as views [M, B, D].
    private func pooled(_ predictions: [Double], shape: [Int]) -> Tensor<ReferenceBackend<Double>> {
        let all = backend.constant(predictions, Shape(shape[0] * shape[1], shape[2], shape[3]))
        let views = backend.makeTensor(Shape(shape[0] * shape[1], shape[3]))
        backend.meanTokens(all, to: views)
        return views.reshaped(Shape(shape[0], shape[1], shape[3]))
    }

    @Test(
        "terms and gradients over blocks agree with the golden file",
        arguments: [
            ("invariance", VICReg(invariance: 1, variance: 0, covariance: 0)),
            ("variance", VICReg(invariance: 0, variance: 1, covariance: 0)),
            ("covariance", VICReg(invariance: 0, variance: 0, covariance: 1)),
            ("total", VICReg(invariance: 25, variance: 25, covariance: 1)),
        ])
    func golden(_ name: String, _ vicreg: VICReg) throws {
        let file = try Golden.safetensors("vicreg.safetensors")
        let predictions = try file.tensor("predictions")
        let shape = predictions.shape
        let views = pooled(try predictions.floats().map(Double.init), shape: shape)
        let dViews = backend.makeTensor(views.shape)
        let workspace = Workspace(backend, capacity: 1)
        let terms = vicreg.evaluate(views: views, scale: 1, gradient: dViews, workspace: workspace)
        let value = try file.tensor(name).floats().map(Double.init)
        #expect(relativeError([vicreg.total(terms)], value) <= 1e-5)

        let dPredictions = backend.makeTensor(Shape(shape[0] * shape[1], shape[2], shape[3]))
        backend.meanTokensBackward(dy: dViews.reshaped(Shape(shape[0] * shape[1], shape[3])), dx: dPredictions)
        let expected = try file.tensor("grad.\(name)").floats()
        #expect(relativeError(backend.values(of: dPredictions), expected) <= 1e-5)
    }

    @Test("every term is measured also where its weight is zero")
    func unweighted() throws {
        let file = try Golden.safetensors("vicreg.safetensors")
        let predictions = try file.tensor("predictions")
        let views = pooled(try predictions.floats().map(Double.init), shape: predictions.shape)
        let gradient = backend.makeTensor(views.shape)
        let terms = VICReg(invariance: 0, variance: 0, covariance: 0).evaluate(
            views: views, scale: 1, gradient: gradient, workspace: Workspace(backend, capacity: 1))
        for (value, name) in [
            (terms.invariance, "invariance"), (terms.variance, "variance"), (terms.covariance, "covariance"),
        ] {
            #expect(relativeError([value], try file.tensor(name).floats().map(Double.init)) <= 1e-5)
        }
        #expect(backend.values(of: gradient).allSatisfy { $0 == 0 })
    }

    @Test("one pair of views gives VICReg's own terms")
    func pair() throws {
        let file = try Golden.safetensors("vicreg.safetensors")
        let x = try file.tensor("pair.x")
        let values = try x.floats() + file.tensor("pair.y").floats()
        let views = backend.constant(values.map(Double.init), Shape(2, x.shape[0], x.shape[1]))
        let terms = VICReg().evaluate(
            views: views, scale: 1, gradient: backend.makeTensor(views.shape),
            workspace: Workspace(backend, capacity: 1))
        #expect(relativeError([terms.invariance], try file.tensor("pair.invariance").floats().map(Double.init)) <= 1e-5)
        #expect(relativeError([terms.variance], try file.tensor("pair.variance").floats().map(Double.init)) <= 1e-5)
        #expect(relativeError([terms.covariance], try file.tensor("pair.covariance").floats().map(Double.init)) <= 1e-5)
    }

    @Test("collapsed views have variance term near one and no covariance")
    func collapsed() {
        let views = backend.constant([Double](repeating: 0.7, count: 3 * 6 * 4), Shape(3, 6, 4))
        let terms = VICReg().evaluate(
            views: views, scale: 1, gradient: backend.makeTensor(views.shape),
            workspace: Workspace(backend, capacity: 1))
        #expect(abs(terms.variance - 0.99) <= 1e-12)
        #expect(terms.covariance <= 1e-20 && terms.invariance <= 1e-20)
    }

    @Test("the workspace that VICReg takes is what it says")
    func workspace() {
        let views = backend.constant([Double](repeating: 0.7, count: 3 * 6 * 4), Shape(3, 6, 4))
        let workspace = Workspace(backend, capacity: VICReg.elements(rows: 6, columns: 4))
        _ = VICReg().evaluate(
            views: views, scale: 1, gradient: backend.makeTensor(views.shape), workspace: workspace)
        #expect(workspace.allocations == 1)
        #expect(workspace.highWaterMark == VICReg.elements(rows: 6, columns: 4))
    }
}
