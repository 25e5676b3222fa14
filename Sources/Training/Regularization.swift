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
    private var terms: [Term]
    private let projectors: [String: ProjectorPart]
    private let seed: UInt64
    /// Whether gradients are added to what is there: those of several terms, or of views that lie apart.
    private let isAdding: Bool

    private typealias Part = PooledFeatures<Backend>.Part

    private struct Term {
        let term: ObjectiveTerm
        let projector: ProjectorPart?
        /// By Kp for terms on patches, of which steps have different numbers; else one for 0.
        var evaluators: [Int: Evaluators] = [:]

        func key(targetCount: Int) -> Int { term.views.includes(.patches) ? targetCount : 0 }
    }

    /// A term for views of one shape.
    private struct Evaluators {
        /// [views, rows, D].
        let shape: Shape
        /// The views and their gradient where they lie in one piece; else they are brought together for the term.
        let views: Part?
        let sources: [Part]
        let whole: (any RegularizerEvaluator<Backend>)?
        /// Each part alone; none where it has no weight.
        let parts: [(any RegularizerEvaluator<Backend>)?]
        /// Elements of the workspace.
        let elements: Int
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

    /// - Parameter largestTarget: The largest Kp of a step.
    init(
        _ networks: MethodNetworks, _ objective: StepObjective, _ pooled: PooledFeatures<Backend>, largestTarget: Int,
        on backend: Backend
    ) {
        self.pooled = pooled
        seed = objective.seed
        var projectors: [String: ProjectorPart] = [:]
        for (name, network) in networks.projectors {
            projectors[name] = networks.section(name).map { ProjectorPart(network, $0, on: backend) }
        }
        self.projectors = projectors
        let isAlone = objective.terms.count == 1
        isAdding = objective.terms.count > 1 || objective.terms.contains { $0.views.isScattered }
        terms = zip(objective.terms, objective.projectors).map { term, name in
            var own = Term(term: term, projector: name.flatMap { projectors[$0] })
            own.evaluators[own.key(targetCount: largestTarget)] = Self.evaluators(
                of: own, pooled, targetCount: largestTarget, isAlone: isAlone, on: backend)
            return own
        }
        let elements = terms.flatMap { $0.evaluators.values.map(\.elements) }.max() ?? 0
        workspace = Workspace(backend, capacity: elements)
    }

    private static func evaluators(
        of own: Term, _ pooled: PooledFeatures<Backend>, targetCount: Int, isAlone: Bool, on backend: Backend
    ) -> Evaluators {
        let (term, projector) = (own.term, own.projector)
        let sources = term.views.sources.map { pooled.part($0, targetCount: targetCount) }
        let first = sources[0].features.shape
        let shape = Shape(sources.reduce(0) { $0 + $1.features.shape[0] }, first[1], first[2])
        let whole = pooled.whole(term.views, targetCount: targetCount)
        let (viewCount, rows) = (shape[0], shape[1])
        let projected = ViewShape(
            views: viewCount, rows: rows, width: projector?.network.outputWidth ?? shape[2])
        let isUndefined = viewCount < term.declaration.minimumViews || rows < term.declaration.minimumImages
        precondition(!isUndefined || !term.isActive, "\(term.declaration.title) of \(shape)")
        let weights = term.partWeights
        let parts = weights.indices.map { part -> (any RegularizerEvaluator<Backend>)? in
            guard !isUndefined, term.isActive, weights[part] != 0 else { return nil }
            var alone = term.regularizer
            alone.partWeights = weights.indices.map { $0 == part ? weights[part] : 0 }
            return alone.evaluator(of: projected, on: backend)
        }
        let all = isUndefined ? nil : term.regularizer.evaluator(of: projected, on: backend)
        var elements = (parts + [all]).compactMap { $0?.elements }.max() ?? 0
        if whole == nil { elements += alignedElements(shape.count) }
        if whole == nil || !isAlone { elements += alignedElements(shape.count) }
        if let projector {
            elements +=
                projector.network.elements(views: viewCount, images: rows)
                + alignedElements(viewCount * rows * projected.width)
        }
        return Evaluators(shape: shape, views: whole, sources: sources, whole: all, parts: parts, elements: elements)
    }

    /// Forgets the gradients of the step before.
    func begin() {
        reached = PooledGradients()
        for projector in projectors.values { projector.isReached = false }
    }

    /// Makes room for the gradients of a step whose blocks have Kp patches.
    func clear(targetCount: Int) {
        begin()
        if isAdding { pooled.clearGradients(targetCount: targetCount, on: workspace.backend) }
    }

    /// Appends a term's loss and its parts.
    ///
    /// - Parameters:
    ///   - part: The only part that has a gradient; none: all of them.
    ///   - isIncluded: Whether the term's gradient is wanted.
    ///   - targetCount: Kp of this step.
    func evaluate(
        _ index: Int, part: Int?, isIncluded: Bool, weight: Double, state: TrainingState<Backend>, targetCount: Int,
        to values: inout MeasuredValues
    ) {
        let key = terms[index].key(targetCount: targetCount)
        if terms[index].evaluators[key] == nil {
            terms[index].evaluators[key] = Self.evaluators(
                of: terms[index], pooled, targetCount: targetCount, isAlone: terms.count == 1, on: workspace.backend)
        }
        let term = terms[index]
        guard let own = term.evaluators[key] else { preconditionFailure("a term without evaluators") }
        let place = values.count
        values.append(.nan)
        guard let evaluator = isIncluded ? part.map({ own.parts[$0] }) ?? own.whole : own.whole else {
            // A single block or image has no pairs; a spec that needs them is refused before.
            for _ in term.term.declaration.parts { values.append(.nan) }
            return
        }
        let backend = workspace.backend
        workspace.reset()
        let views = own.views?.features ?? together(own)
        let isDirect = !isAdding
        let gradient = isDirect ? own.views?.gradient ?? workspace.take(own.shape) : workspace.take(own.shape)
        evaluate(
            evaluator, term, views: views, isIncluded: isIncluded, scale: isIncluded || isDirect ? weight : 0,
            gradient: gradient, state: state, to: &values)
        if isIncluded {
            reached.add(term.term.views)
            if !isDirect { addParts(of: gradient, to: own, on: backend) }
        }
        var total = 0.0
        for (part, weight) in term.term.partWeights.enumerated() { total += weight * values[place + 1 + part] }
        values[place] = total
    }

    /// Views of several sources, one after the other.
    private func together(_ own: Evaluators) -> Tensor<Backend> {
        let views = workspace.take(own.shape)
        var start = 0
        for source in own.sources {
            workspace.backend.copy(source.features, to: views.window(at: start, source.features.shape))
            start += source.features.count
        }
        return views
    }

    private func addParts(of gradient: Tensor<Backend>, to own: Evaluators, on backend: Backend) {
        if let whole = own.views { return backend.add(gradient, times: 1, to: whole.gradient) }
        var start = 0
        for source in own.sources {
            backend.add(gradient.window(at: start, source.gradient.shape), times: 1, to: source.gradient)
            start += source.gradient.count
        }
    }

    /// - Parameter gradient: With respect to the views; overwritten.
    private func evaluate(
        _ evaluator: some RegularizerEvaluator<Backend>, _ term: Term, views: Tensor<Backend>, isIncluded: Bool,
        scale: Double, gradient: Tensor<Backend>, state: TrainingState<Backend>, to values: inout MeasuredValues
    ) {
        let randomness = StepRandomness(seed: seed, step: state.step)
        guard let projector = term.projector else {
            evaluator.evaluate(
                views: views, scale: scale, gradient: gradient, randomness: randomness, workspace: workspace,
                parts: &values)
            return
        }
        let backend = workspace.backend
        let section = projector.section
        let parameters = state.online.window(at: section.offset, Shape(section.layout.count))
        let projected = projector.network.forward(views, parameters: parameters, workspace: workspace)
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
