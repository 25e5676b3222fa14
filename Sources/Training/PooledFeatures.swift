import Kernels
import Objectives
import TensorCore

/// Features of the whole batch, which the terms of the objective compare, and the gradient with respect to them.
///
/// Shards leave their rows, and take theirs of the gradient.
struct PooledFeatures<Backend: KernelBackend> {
    /// Features and their gradient, of equal shape.
    struct Part {
        let features, gradient: Tensor<Backend>

        init(_ features: Tensor<Backend>, _ gradient: Tensor<Backend>) {
            (self.features, self.gradient) = (features, gradient)
        }

        func slice(_ range: Range<Int>) -> Part { Part(features.slice(range), gradient.slice(range)) }

        /// Its first elements.
        func window(_ shape: Shape) -> Part {
            Part(features.window(at: 0, shape), gradient.window(at: 0, shape))
        }
    }

    /// Pooled predictions, one view for each target block, [M, B, D]; none where no term looks at them.
    let predictions: Part?
    /// Pooled features of the context encoder and then of the target encoder, [1 or 2, B, D]; none where no term looks at
    /// either.
    let encoders: Part?
    /// Predictions of every patch, as many as the largest blocks have, [M, B, Kp, D]; none where no term looks at them.
    private let allPatches: Part?

    init(
        _ objective: StepObjective, blocks: Int, images: Int, largestTarget: Int, width: Int, on backend: Backend
    ) {
        func make(_ shape: Shape, _ isNeeded: Bool) -> Part? {
            isNeeded ? Part(backend.makeTensor(shape), backend.makeTensor(shape)) : nil
        }
        let needs = objective.needs
        predictions = make(Shape(blocks, images, width), needs.contains(.predictions))
        encoders = make(
            Shape(needs.contains(.targets) ? 2 : 1, images, width),
            needs.contains(.context) || needs.contains(.targets))
        allPatches = make(Shape(blocks, images, largestTarget, width), needs.contains(.patches))
    }

    /// Predictions of every patch of a step whose blocks have Kp patches, [M, B, Kp, D].
    func patches(targetCount: Int) -> Part? {
        allPatches.map {
            let shape = $0.features.shape
            return $0.window(Shape(shape[0], shape[1], targetCount, shape[3]))
        }
    }

    /// What shards fill, [views, B, numbers of an image].
    func all(targetCount: Int) -> [Tensor<Backend>] {
        let patches = patches(targetCount: targetCount).map {
            $0.features.reshaped(Shape($0.features.shape[0], $0.features.shape[1], targetCount * $0.features.shape[3]))
        }
        return [predictions?.features, encoders?.features, patches].compactMap { $0 }
    }

    /// The views of one kind, [views, rows, D].
    func part(_ source: TermViews.Source, targetCount: Int) -> Part {
        let part: Part? =
            switch source {
            case .predictions: predictions
            case .context: encoders?.slice(0..<1)
            case .targets: encoders?.slice(1..<2)
            case .patches:
                patches(targetCount: targetCount).map {
                    let shape = $0.features.shape
                    return $0.window(Shape(shape[0], shape[1] * targetCount, shape[3]))
                }
            }
        guard let part else { preconditionFailure("no term of the objective looks at \(source)") }
        return part
    }

    /// The views that a term compares, in one piece where they lie so.
    func whole(_ views: TermViews, targetCount: Int) -> Part? {
        if views == .contextTarget { return encoders }
        let sources = views.sources
        return sources.count == 1 ? part(sources[0], targetCount: targetCount) : nil
    }

    func clearGradients(targetCount: Int, on backend: Backend) {
        if let predictions { backend.fill(predictions.gradient, with: 0) }
        if let encoders { backend.fill(encoders.gradient, with: 0) }
        if let patches = patches(targetCount: targetCount) { backend.fill(patches.gradient, with: 0) }
    }
}

/// The features with respect to which the objective has a gradient beside the prediction loss's.
struct PooledGradients: Sendable {
    var predictions = false
    var context = false
    var targets = false
    var patches = false

    mutating func add(_ views: TermViews) {
        predictions = predictions || views.includes(.predictions)
        context = context || views.includes(.context)
        targets = targets || views.includes(.targets)
        patches = patches || views.includes(.patches)
    }
}
