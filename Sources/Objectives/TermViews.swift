/// The features that a term of the objective compares: views, which are matrices of one row for each image, or for each
/// patch.
package enum TermViews: String, Sendable, Hashable, CaseIterable {
    /// Predictions averaged over a target block, one view for each block.
    case predictions
    /// Features of the context encoder averaged over the context, one view.
    case context
    /// Features of the target encoder averaged over all patches, one view; a gradient only where the target encoder has one.
    case targets
    case contextTarget = "context_target"
    case predictionsContext = "predictions_context"
    case predictionsTargets = "predictions_targets"
    /// Predictions of every patch, one view for each block, of one row for each patch of each image.
    case patches

    /// What the views are of, in their order.
    package enum Source: String, Sendable, Hashable, CaseIterable {
        case predictions, context, targets, patches
    }

    package var sources: [Source] {
        switch self {
        case .predictions: [.predictions]
        case .context: [.context]
        case .targets: [.targets]
        case .contextTarget: [.context, .targets]
        case .predictionsContext: [.predictions, .context]
        case .predictionsTargets: [.predictions, .targets]
        case .patches: [.patches]
        }
    }

    /// Whether the views of several sources do not lie in one piece.
    package var isScattered: Bool { self == .predictionsContext || self == .predictionsTargets }

    package func includes(_ source: Source) -> Bool { sources.contains(source) }

    /// Whether there are as many views as target blocks, or more.
    package var hasBlocks: Bool { includes(.predictions) || includes(.patches) }

    /// - Parameter blocks: M, the target blocks of an image.
    package func count(blocks: Int) -> Int {
        sources.reduce(0) { $0 + ([.predictions, .patches].contains($1) ? blocks : 1) }
    }

    /// The rows of a view that one image has.
    ///
    /// - Parameter targetPatches: Kp, patches of a target block.
    package func rowsPerImage(targetPatches: Int) -> Int { self == .patches ? targetPatches : 1 }

    /// For documentation.
    package var text: String {
        switch self {
        case .predictions: "predictions of every target block"
        case .context: "context features"
        case .targets: "target features"
        case .contextTarget: "context and target features"
        case .predictionsContext: "predictions and context features"
        case .predictionsTargets: "predictions and target features"
        case .patches: "predictions of every patch, a row for each, not averaged"
        }
    }
}

/// The shape of the views that a term is evaluated on: M views of n rows, for images or patches, d numbers each.
package struct ViewShape: Sendable, Hashable {
    package let views: Int
    package let rows: Int
    package let width: Int

    package init(views: Int, rows: Int, width: Int) {
        self.views = views
        self.rows = rows
        self.width = width
    }
}
