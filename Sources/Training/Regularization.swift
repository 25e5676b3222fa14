import Expressions
import Kernels
import Networks
import Objectives
import TensorCore

/// The terms of an objective, evaluated one after the other on the pooled features of the whole batch.
///
/// One term's gradient goes straight to its place. Several go through memory of their own, and are added.
final class Regularization<Backend: KernelBackend> {
    let workspace: Workspace<Backend>
    /// What the terms since `begin` have a gradient with respect to.
    private(set) var reached = PooledGradients()

    private let pooled: PooledFeatures<Backend>
    private let terms: [Term]
    private let projectors: [String: ProjectorPart]
    private let seed: UInt64

    private struct Term {
        let term: ObjectiveTerm
        /// [views, B, D].
        let views: Tensor<Backend>
        let gradient: Tensor<Backend>
        let projector: ProjectorPart?
        /// Too few views or images: it has no value.
        let isUndefined: Bool
        let whole: (any RegularizerEvaluator<Backend>)?
        /// Each part alone; none where it has no weight.
        let parts: [(any RegularizerEvaluator<Backend>)?]
    }

    private final class ProjectorPart {
        let network: Projector
        let section: MethodNetworks.Section
        let gradients: Tensor<Backend>
        /// Whether the gradients are of this step.
        var isReached = false

        init(_ network: Projector, _ section: MethodNetworks.Section, on backend: Backend) {
            self.network = network
            self.section = section
            gradients = backend.makeTensor(Shape(section.layout.count))
        }
    }

    init(
        _ networks: MethodNetworks, _ objective: StepObjective, _ pooled: PooledFeatures<Backend>, on backend: Backend
    ) {
        self.pooled = pooled
        seed = objective.seed
        var projectors: [String: ProjectorPart] = [:]
        for (name, network) in networks.projectors {
            projectors[name] = networks.section(name).map { ProjectorPart(network, $0, on: backend) }
        }
        self.projectors = projectors
        var elements = 0
        terms = zip(objective.terms, objective.projectors).map { term, name in
            let views = pooled.views(term.views)
            let (viewCount, images) = (views.shape[0], views.shape[1])
            let projector = name.flatMap { projectors[$0] }
            let shape = ViewShape(
                views: viewCount, images: images, width: projector?.network.outputWidth ?? views.shape[2])
            let isUndefined = viewCount < term.declaration.minimumViews || images < term.declaration.minimumImages
            precondition(!isUndefined || !term.isActive, "\(term.declaration.title) of \(views.shape)")
            let weights = term.partWeights
            let parts = weights.indices.map { part -> (any RegularizerEvaluator<Backend>)? in
                guard !isUndefined, term.isActive, weights[part] != 0 else { return nil }
                var alone = term.regularizer
                alone.partWeights = weights.indices.map { $0 == part ? weights[part] : 0 }
                return alone.evaluator(of: shape, on: backend)
            }
            let whole = isUndefined ? nil : term.regularizer.evaluator(of: shape, on: backend)
            let evaluation = (parts + [whole]).compactMap { $0?.elements }.max() ?? 0
            elements = max(
                elements,
                evaluation + (objective.terms.count == 1 ? 0 : alignedElements(views.count))
                    + (projector.map {
                        $0.network.elements(views: viewCount, images: images)
                            + alignedElements(viewCount * images * shape.width)
                    } ?? 0))
            return Term(
                term: term, views: views, gradient: pooled.gradient(term.views), projector: projector,
                isUndefined: isUndefined, whole: whole, parts: parts)
        }
        workspace = Workspace(backend, capacity: elements)
    }

    /// Forgets the gradients of the step before.
    func begin() {
        reached = PooledGradients()
        for projector in projectors.values { projector.isReached = false }
        guard terms.count > 1 else { return }
        for gradient in [pooled.dPredictions, pooled.dEncoders] {
            if let gradient { workspace.backend.fill(gradient, with: 0) }
        }
    }

    /// Appends a term's loss and its parts.
    ///
    /// - Parameters:
    ///   - part: The only part that has a gradient; none: all of them.
    ///   - isIncluded: Whether the term's gradient is wanted.
    func evaluate(
        _ index: Int, part: Int?, isIncluded: Bool, weight: Double, state: TrainingState<Backend>,
        to values: inout MeasuredValues
    ) {
        let term = terms[index]
        let place = values.count
        values.append(.nan)
        guard let evaluator = isIncluded ? part.map({ term.parts[$0] }) ?? term.whole : term.whole else {
            // A single block or image has no pairs; a spec that needs them is refused before.
            for _ in term.term.declaration.parts { values.append(.nan) }
            return
        }
        workspace.reset()
        let isAlone = terms.count == 1
        let gradient = isAlone ? term.gradient : workspace.take(term.views.shape)
        evaluate(
            evaluator, term, isIncluded: isIncluded, scale: isIncluded || isAlone ? weight : 0, gradient: gradient,
            state: state, to: &values)
        if isIncluded {
            reached.add(term.term.views)
            if !isAlone { workspace.backend.add(gradient, times: 1, to: term.gradient) }
        }
        var total = 0.0
        for (part, weight) in term.term.partWeights.enumerated() { total += weight * values[place + 1 + part] }
        values[place] = total
    }

    /// - Parameter gradient: With respect to the term's views; overwritten.
    private func evaluate(
        _ evaluator: some RegularizerEvaluator<Backend>, _ term: Term, isIncluded: Bool, scale: Double,
        gradient: Tensor<Backend>, state: TrainingState<Backend>, to values: inout MeasuredValues
    ) {
        let randomness = StepRandomness(seed: seed, step: state.step)
        guard let projector = term.projector else {
            evaluator.evaluate(
                views: term.views, scale: scale, gradient: gradient, randomness: randomness, workspace: workspace,
                parts: &values)
            return
        }
        let backend = workspace.backend
        let section = projector.section
        let parameters = state.online.window(at: section.offset, Shape(section.layout.count))
        let projected = projector.network.forward(term.views, parameters: parameters, workspace: workspace)
        let dProjected = workspace.take(projected.output.shape)
        evaluator.evaluate(
            views: projected.output, scale: scale, gradient: dProjected, randomness: randomness, workspace: workspace,
            parts: &values)
        guard isIncluded else { return }
        if !projector.isReached { backend.fill(projector.gradients, with: 0) }
        projector.isReached = true
        projector.network.backward(
            projected, dy: dProjected, parameters: parameters, gradients: projector.gradients, workspace: workspace,
            dx: gradient)
    }

    /// - Parameter gradients: Flat, like the online parameters.
    func addProjectorGradients(to gradients: Tensor<Backend>) {
        for projector in projectors.values where projector.isReached {
            workspace.backend.add(
                projector.gradients, times: 1,
                to: gradients.window(at: projector.section.offset, Shape(projector.section.layout.count)))
        }
    }
}
