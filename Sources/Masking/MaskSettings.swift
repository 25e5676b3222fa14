/// What masks are drawn: the grid, the sampler, and the ranges of block sizes.
package struct MaskSettings: Sendable, Hashable {
    package enum Sampler: String, Sendable, CaseIterable {
        /// The public I-JEPA code's behaviour, fault for fault.
        case ijepa
        /// Seeded per image, reaches every patch, cuts at random places.
        case uniform
    }

    /// How all images of a batch come to have as many context patches, Kc. The public code's sampler always cuts.
    package enum ContextCount: String, Sendable, CaseIterable {
        /// Kc is drawn for each step, and images are drawn until they have so many: nothing is cut.
        case fixed
        /// Images are cut to the fewest of the batch, so that a larger batch shows less of each image.
        case batch
    }

    package var sampler: Sampler
    package var contextCount: ContextCount
    /// Patches of an image, down and across.
    package var gridHeight: Int
    package var gridWidth: Int
    /// M, target blocks of an image.
    package var targetBlocks: Int
    /// Smallest and largest share of the image's patches in a target block.
    package var targetScale: [Double]
    /// Smallest and largest ratio of a target block's height to its width.
    package var targetAspect: [Double]
    package var contextScale: [Double]
    package var contextAspect: [Double]
    /// Every block, and every context after the targets are taken out, keeps more patches than this.
    package var minKeep: Int

    package init(
        sampler: Sampler = .uniform, contextCount: ContextCount = .fixed, gridHeight: Int, gridWidth: Int,
        targetBlocks: Int = 4,
        targetScale: [Double] = [0.15, 0.2], targetAspect: [Double] = [0.75, 1.5],
        contextScale: [Double] = [0.85, 1.0], contextAspect: [Double] = [1.0, 1.0], minKeep: Int = 10
    ) {
        self.sampler = sampler
        self.contextCount = contextCount
        self.gridHeight = gridHeight
        self.gridWidth = gridWidth
        self.targetBlocks = targetBlocks
        self.targetScale = targetScale
        self.targetAspect = targetAspect
        self.contextScale = contextScale
        self.contextAspect = contextAspect
        self.minKeep = minKeep
    }

    /// N, patches of an image.
    package var patches: Int { gridHeight * gridWidth }

    /// Whether contexts are cut to the fewest patches of the batch.
    package var cutsContexts: Bool { sampler == .ijepa || contextCount == .batch }

    /// The largest block. The public code keeps every block smaller than the grid in both directions.
    var largestBlock: BlockSize {
        switch sampler {
        case .ijepa: BlockSize(height: gridHeight - 1, width: gridWidth - 1)
        case .uniform: BlockSize(height: gridHeight, width: gridWidth)
        }
    }

    /// Every size that a target block can be drawn with, smallest first.
    package var targetSizes: [BlockSize] { sizes(scale: targetScale, aspect: targetAspect) }
    /// Every size that the context block can be drawn with before targets are taken out, smallest first.
    package var contextSizes: [BlockSize] { sizes(scale: contextScale, aspect: contextAspect) }

    /// The most context patches Kc that a batch can have: what memory must be planned for.
    package var maximumContextCount: Int {
        let context = contextSizes.last?.count ?? 0
        switch sampler {
        // Where the public sampler gives up on disjointness the context is the whole block.
        case .ijepa: return context
        case .uniform: return min(context, patches - (targetSizes.first?.count ?? 0))
        }
    }

    /// The most patches Kp that a target block can have.
    package var maximumTargetCount: Int { targetSizes.last?.count ?? 0 }

    /// Walks K = floor(N · scale) and, for each, the aspect ratios at which a rounded side changes.
    private func sizes(scale: [Double], aspect: [Double]) -> [BlockSize] {
        let n = Double(patches)
        let smallest = Int(n * scale[0])
        let largest = Int(n * scale[1])
        var found = Set<BlockSize>()
        for k in smallest...largest {
            var (low, high) = (aspect[0], aspect[1])
            if sampler == .ijepa && scale[1] > scale[0] {
                // One draw u gives both, so only a part of the aspect ratios goes with this K.
                let ratio = (high - low) / (n * (scale[1] - scale[0]))
                let first = max(aspect[0], aspect[0] + ratio * (Double(k) - n * scale[0]))
                let last = min(aspect[1], aspect[0] + ratio * (Double(k + 1) - n * scale[0]))
                (low, high) = (min(first, aspect[1]), max(last, aspect[0]))
            }
            var breaks = [low, high]
            for side in 0...max(gridHeight, gridWidth) {
                let half = (Double(side) + 0.5) * (Double(side) + 0.5)
                for value in [half / Double(max(k, 1)), Double(k) / half] where value > low && value < high {
                    breaks.append(value)
                }
            }
            breaks.sort()
            let middles = zip(breaks, breaks.dropFirst()).map { ($0 + $1) / 2 }
            for value in breaks + middles {
                found.insert(BlockSize(patches: k, aspect: value, largest: largestBlock))
            }
        }
        return found.sorted()
    }
}
