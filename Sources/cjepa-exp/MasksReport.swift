package import Datasets
import Declarations
package import ExperimentSpec
import Foundation
package import Masking
package import Pictures
import TensorCore
import Training

/// The masks of one training step on the images that the step sees, and what masks are like over many steps.
package struct MasksReport: Sendable {
    package let sampler: any MaskSampler
    package let step: Int
    /// The masks of the whole batch.
    package let masks: MaskBatch
    /// The step's first images, cropped as in training.
    package let images: [RGBImage]
    package let statistics: MaskStatistics
    private let patchSize: Int

    /// - Parameters:
    ///   - step: The training step to show.
    ///   - rows: How many of its images.
    ///   - batches: How many steps the statistics are taken over.
    /// - Throws: `MaskError` or `DatasetError` where the configuration does not work.
    package init(
        _ configuration: RunConfiguration, dataset: ImageDataset, step: Int = 0, rows: Int = 8, batches: Int = 200
    ) throws {
        let model = configuration.model
        let seed = UInt64(truncatingIfNeeded: configuration.seed)
        let batchSize = configuration.training.batchSize
        sampler = try configuration.maskSampler()
        patchSize = model.patchSize
        self.step = step
        masks = sampler.sample(seed: seed, step: step, imageCount: batchSize)
        statistics = MaskStatistics(sampler, seed: seed, batches: batches, imagesPerBatch: batchSize)

        var renderer = try BatchRenderer(
            dataset: dataset, settings: BatchLoaderSettings(configuration, steps: step..<(step + 1)))
        let shown = 0..<min(rows, batchSize)
        let rendered = HostBuffer<Float>(count: shown.count * dataset.channels * model.imageSize * model.imageSize)
        try renderer.render(step: step, part: shown, into: rendered)
        images = shown.map { slot in Self.picture(of: rendered, slot: slot, side: model.imageSize, dataset) }
    }

    /// The masks of the first images, and how often each patch is in the context and in a target.
    package func figure() -> RGBImage {
        MasksFigure(grid: sampler.grid, patchSize: patchSize).draw(masks, on: images, statistics)
    }

    /// A normalised image as it was; grey images become grey colours.
    private static func picture(
        of images: HostBuffer<Float>, slot: Int, side: Int, _ dataset: ImageDataset
    ) -> RGBImage {
        let plane = side * side
        let start = slot * dataset.channels * plane
        var pixels: [UInt8] = []
        pixels.reserveCapacity(3 * plane)
        for place in 0..<plane {
            for color in 0..<3 {
                let channel = min(color, dataset.channels - 1)
                let value = Double(images[start + channel * plane + place])
                let unit =
                    value * dataset.normalization.standardDeviation[channel] + dataset.normalization.mean[channel]
                pixels.append(UInt8(max(0, min(255, (unit * 255).rounded()))))
            }
        }
        return RGBImage(width: side, height: side, pixels: pixels)
    }
}

extension MasksReport {
    /// The statistics in words.
    package var text: String {
        func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
        func range(_ summary: MaskStatistics.Summary) -> String {
            String(format: "%.1f (%d…%d)", summary.mean, summary.min, summary.max)
        }
        func sizes(_ counts: [MaskStatistics.SizeCount]) -> String {
            counts.map { "\($0.height)×\($0.width) " + percent(Double($0.batches) / Double(statistics.batches)) }
                .joined(separator: ", ")
        }
        // Masks that are no blocks have no sizes.
        func line(_ title: String, _ counts: [MaskStatistics.SizeCount]) -> String {
            counts.isEmpty ? "" : "\n\(title)\(sizes(counts))"
        }
        func coverage(_ shares: [Double]) -> String {
            "\(percent(shares.min() ?? .nan)) to \(percent(shares.max() ?? .nan)) of images, by patch"
        }
        let grid = "\(sampler.grid.height)×\(sampler.grid.width)"
        let uncut =
            sampler.cutsContexts ? "; before cutting \(range(statistics.uncutContextPatches))" : ", nothing is cut"
        let shared =
            sampler.cutsContexts ? "" : "; \(percent(statistics.sharedShare)) share the reference image's masks"
        return """
            sampler          \(type(of: sampler).name), \(grid) patches, \(counted(masks.blocks, "target block"))
            statistics over  \(counted(statistics.batches, "batch", "batches")) of \(counted(statistics.imagesPerBatch, "image"))
            context patches  \(range(statistics.contextPatches))\(uncut)
            block patches    \(range(statistics.targetPatches))
            hidden           \(percent(statistics.hiddenShare)) of an image's patches are not in the context
            predicted        \(percent(statistics.targetShare)) are in a target, \
            \(percent(statistics.repeatedTargetShare)) in several
            context reaches  \(coverage(statistics.contextCoverage))
            targets reach    \(coverage(statistics.targetCoverage))
            rules relaxed    for \(percent(statistics.relaxedShare)) of images\(shared)
            """ + line("target sizes     ", statistics.targetSizes) + line("context sizes    ", statistics.contextSizes)
    }

    private struct JSON: Encodable {
        let experiment: String
        let arm: String
        let step: Int
        let sampler: String
        let contextCount: String
        let targetBlocks: Int
        let contextPatchesOfStep: Int
        let targetPatchesOfStep: Int
        let picture: String?
        let statistics: MaskStatistics
    }

    /// The statistics as a JSON object with keys in snake_case.
    package func json(experiment: String, arm: String, picture: String?) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let content = JSON(
            experiment: experiment, arm: arm, step: step, sampler: type(of: sampler).name,
            contextCount: sampler.cutsContexts ? "batch" : "fixed",
            targetBlocks: masks.blocks, contextPatchesOfStep: masks.contextCount,
            targetPatchesOfStep: masks.targetCount, picture: picture, statistics: statistics)
        return String(decoding: try encoder.encode(content), as: UTF8.self)
    }
}
