/// What a sampler's masks are like, over many batches.
package struct MaskStatistics: Sendable, Codable, Hashable {
    /// Mean, smallest and largest of a count.
    package struct Summary: Sendable, Codable, Hashable {
        package let mean: Double
        package let min: Int
        package let max: Int

        init(_ values: [Int]) {
            mean = values.isEmpty ? .nan : Double(values.reduce(0, +)) / Double(values.count)
            min = values.min() ?? 0
            max = values.max() ?? 0
        }
    }

    /// How many batches had a size.
    package struct SizeCount: Sendable, Codable, Hashable {
        package let height: Int
        package let width: Int
        package let batches: Int
    }

    /// How many batches had a number of context patches.
    package struct PatchCount: Sendable, Codable, Hashable {
        package let patches: Int
        package let batches: Int
    }

    package let batches: Int
    package let imagesPerBatch: Int
    package let gridHeight: Int
    package let gridWidth: Int
    /// Kc, context patches of a batch after cutting.
    package let contextPatches: Summary
    /// Context patches of an image before cutting.
    package let uncutContextPatches: Summary
    /// Kp, patches of a target block.
    package let targetPatches: Summary
    /// Mean share of an image's patches that the context encoder does not see.
    package let hiddenShare: Double
    /// Mean share of an image's patches that are in at least one target block.
    package let targetShare: Double
    /// Mean share of an image's patches that are in several target blocks.
    package let repeatedTargetShare: Double
    /// Share of the images for which the rules had to give way.
    package let relaxedShare: Double
    /// Share of the images that took the masks of their step's reference.
    package let sharedShare: Double
    /// Share of the images that have a patch in the context, [gridHeight · gridWidth] in raster order.
    package let contextCoverage: [Double]
    /// Share of the images that have a patch in at least one target block, likewise.
    package let targetCoverage: [Double]
    /// Distribution of the size of target blocks, smallest first; empty where they are no rectangles.
    package let targetSizes: [SizeCount]
    /// Distribution of the context block's size before targets are taken out.
    package let contextSizes: [SizeCount]
    /// Distribution of Kc, smallest first.
    package let contextPatchCounts: [PatchCount]

    /// Samples steps 0..<batches of the given seed.
    package init(_ sampler: any MaskSampler, seed: UInt64, batches: Int, imagesPerBatch: Int) {
        precondition(batches > 0 && imagesPerBatch > 0, "\(batches) batches of \(imagesPerBatch) images")
        let grid = sampler.grid
        var tally = Tally(patches: grid.count)
        for step in 0..<batches {
            tally.add(sampler.sample(seed: seed, step: step, imageCount: imagesPerBatch))
        }
        let images = Double(batches * imagesPerBatch)
        let cells = images * Double(grid.count)
        self.batches = batches
        self.imagesPerBatch = imagesPerBatch
        gridHeight = grid.height
        gridWidth = grid.width
        contextPatches = Summary(tally.contextCounts)
        uncutContextPatches = Summary(tally.uncutContextCounts)
        targetPatches = Summary(tally.targetCounts)
        hiddenShare = 1 - Double(tally.inContext.reduce(0, +)) / cells
        targetShare = Double(tally.inTarget.reduce(0, +)) / cells
        repeatedTargetShare = Double(tally.repeatedPatches) / cells
        relaxedShare = Double(tally.relaxedImages) / images
        sharedShare = Double(tally.sharedImages) / images
        contextCoverage = tally.inContext.map { Double($0) / images }
        targetCoverage = tally.inTarget.map { Double($0) / images }
        targetSizes = Self.distribution(tally.targetSizes)
        contextSizes = Self.distribution(tally.contextSizes)
        contextPatchCounts = Dictionary(grouping: tally.contextCounts) { $0 }
            .sorted { $0.key < $1.key }.map { PatchCount(patches: $0.key, batches: $0.value.count) }
    }

    private static func distribution(_ sizes: [BlockSize]) -> [SizeCount] {
        Dictionary(grouping: sizes) { $0 }.sorted { $0.key < $1.key }
            .map { SizeCount(height: $0.key.height, width: $0.key.width, batches: $0.value.count) }
    }
}

private struct Tally {
    var contextCounts: [Int] = []
    var uncutContextCounts: [Int] = []
    var targetCounts: [Int] = []
    var targetSizes: [BlockSize] = []
    var contextSizes: [BlockSize] = []
    var inContext: [Int]
    var inTarget: [Int]
    var repeatedPatches = 0
    var relaxedImages = 0
    var sharedImages = 0

    init(patches: Int) {
        inContext = Array(repeating: 0, count: patches)
        inTarget = Array(repeating: 0, count: patches)
    }

    mutating func add(_ batch: MaskBatch) {
        contextCounts.append(batch.contextCount)
        uncutContextCounts += batch.uncutContextCounts
        targetCounts.append(batch.targetCount)
        if let size = batch.targetSize { targetSizes.append(size) }
        if let size = batch.contextSize { contextSizes.append(size) }
        relaxedImages += batch.relaxedImages
        sharedImages += batch.sharedImages
        for patch in batch.context { inContext[Int(patch)] += 1 }
        for image in 0..<batch.images {
            var times: [Int32: Int] = [:]
            for block in 0..<batch.blocks {
                for patch in batch.target(block: block, image: image) { times[patch, default: 0] += 1 }
            }
            for (patch, count) in times {
                inTarget[Int(patch)] += 1
                if count > 1 { repeatedPatches += 1 }
            }
        }
    }
}
