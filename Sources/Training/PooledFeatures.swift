import Kernels
import Objectives
import TensorCore

/// Pooled features of the whole batch, which the terms of the objective compare, and the gradient with respect to them.
///
/// Shards leave their rows, and take theirs of the gradient.
struct PooledFeatures<Backend: KernelBackend> {
    /// Pooled predictions, one view for each target block, [M, B, D]; none where no term looks at them.
    let predictions: Tensor<Backend>?
    let dPredictions: Tensor<Backend>?
    /// Pooled features of the context encoder and then of the target encoder, [1 or 2, B, D]; none where no term looks at
    /// either.
    let encoders: Tensor<Backend>?
    let dEncoders: Tensor<Backend>?

    init(_ objective: StepObjective, blocks: Int, images: Int, width: Int, on backend: Backend) {
        func make(_ views: Int, isNeeded: Bool) -> Tensor<Backend>? {
            isNeeded ? backend.makeTensor(Shape(views, images, width)) : nil
        }
        predictions = make(blocks, isNeeded: objective.needsPredictions)
        dPredictions = make(blocks, isNeeded: objective.needsPredictions)
        let needsEncoders = objective.needsContext || objective.needsTargets
        let views = objective.needsTargets ? 2 : 1
        encoders = make(views, isNeeded: needsEncoders)
        dEncoders = make(views, isNeeded: needsEncoders)
    }

    /// What shards fill.
    var all: [Tensor<Backend>] { [predictions, encoders].compactMap { $0 } }

    /// [views, B, D].
    func views(_ kind: PooledViews) -> Tensor<Backend> { part(of: kind, predictions, encoders) }

    /// The gradient with respect to `views`.
    func gradient(_ kind: PooledViews) -> Tensor<Backend> { part(of: kind, dPredictions, dEncoders) }

    private func part(
        of kind: PooledViews, _ predictions: Tensor<Backend>?, _ encoders: Tensor<Backend>?
    ) -> Tensor<Backend> {
        guard let all = kind.includesPredictions ? predictions : encoders else {
            preconditionFailure("no term of the objective looks at \(kind)")
        }
        switch kind {
        case .predictions, .contextTarget: return all
        case .context: return all.slice(0..<1)
        case .targets: return all.slice(1..<2)
        }
    }
}

/// The pooled features with respect to which the objective has a gradient beside the prediction loss's.
struct PooledGradients: Sendable {
    var predictions = false
    var context = false
    var targets = false

    mutating func add(_ views: PooledViews) {
        predictions = predictions || views.includesPredictions
        context = context || views.includesContext
        targets = targets || views.includesTargets
    }
}
