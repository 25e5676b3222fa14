/// The features that a regulariser compares, each averaged over its tokens: matrices of one row for each image.
package enum PooledViews: String, Sendable, Hashable, CaseIterable {
    /// Predictions, one view for each target block.
    case predictions
    /// Features of the context encoder, one view.
    case context
    /// Features of the target encoder over all patches, one view; a gradient only where the target encoder has one.
    case targets
    /// Both, in this order.
    case contextTarget = "context_target"

    /// - Parameter blocks: M, the target blocks of an image.
    package func count(blocks: Int) -> Int {
        switch self {
        case .predictions: blocks
        case .context, .targets: 1
        case .contextTarget: 2
        }
    }

    package var includesPredictions: Bool { self == .predictions }
    package var includesContext: Bool { self == .context || self == .contextTarget }
    package var includesTargets: Bool { self == .targets || self == .contextTarget }
}

/// The shape of the views that a term is evaluated on: M views of n images, d numbers each.
package struct ViewShape: Sendable, Hashable {
    package let views: Int
    package let images: Int
    package let width: Int

    package init(views: Int, images: Int, width: Int) {
        self.views = views
        self.images = images
        self.width = width
    }
}
