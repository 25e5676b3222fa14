import Datasets
import Diagnostics
import Kernels
import Objectives
import Masking
import Networks
import TensorCore

/// What the predictor says about test images whose masks are the same at every step and in every run.
struct MeasuredPredictions: Sendable {
    let skill: PredictorSkill
    /// The prediction loss, mean over all elements.
    let loss: Double
    /// Mean over an image's predictions, [n, D].
    let images: FeatureMatrix
    /// Some of the predictions; none where patches are not to be looked at.
    let patches: PatchFeatures?

    /// Runs test images through the step, a round at a time.
    ///
    /// - Parameters:
    ///   - imageCount: Of the first images of `test`; a batch is filled up with others, which do not count.
    ///   - rows: How many single predictions to keep, a seeded choice.
    init<Backend: KernelBackend>(
        of test: ImageDataset, imageCount: Int, rows: Int, seed: UInt64, settings: RunSettings,
        state: TrainingState<Backend>, step: TrainingStep<Backend>
    ) throws {
        let encoder = settings.networks.encoder.settings
        let (batchSize, width) = (settings.limits.imageCount, encoder.width)
        let staging = HostBuffer<Float>(
            count: step.imagesAtOnce * encoder.channels * encoder.imageSize * encoder.imageSize)
        let total = step.objective.prediction.total(width: width)
        let renderers = ImageRenderers(test, size: encoder.imageSize)
        var skill = PredictorSkill(columns: width, positions: encoder.patchCount)
        var (lossSum, elements) = (0.0, 0)
        var (pooled, chosen, residuals): ([Float], [Float], [Float]) = ([], [], [])
        var predictionsPerImage = 0
        for batchIndex in 0..<((imageCount + batchSize - 1) / batchSize) {
            let counted = min(batchSize, imageCount - batchIndex * batchSize)
            let masks = settings.sampler.sample(seed: seed, step: batchIndex, imageCount: batchSize)
            let batch = StepBatch(
                images: .parts { range in
                    let indices = range.map { (batchIndex * batchSize + $0) % test.count }
                    try renderers.renderViews(indices, into: staging)
                    return staging
                }, imageCount: batchSize, context: masks.context, targets: masks.targets, blockCount: masks.blocks)
            let perImage = masks.blocks * masks.targetCount
            predictionsPerImage += perImage * counted
            var tokens = [Float](repeating: 0, count: counted * perImage * width)
            try step.forEachOutput(of: batch, first: counted, state: state) { shard in
                let images = shard.range.clamped(to: 0..<counted)
                for block in 0..<masks.blocks where !images.isEmpty {
                    let numbers = images.count * masks.targetCount * width
                    let values = { (blocks: Tensor<Backend>) in
                        step.backend.values(of: blocks.slice(block..<(block + 1))).prefix(numbers).map { Float($0) }
                    }
                    let (predictions, targets) = (values(shard.predictions), values(shard.targets))
                    lossSum += total(predictions, targets)
                    elements += predictions.count
                    skill.add(
                        predictions: predictions, targets: targets,
                        positions: images.flatMap { masks.target(block: block, image: $0) })
                    let blockNumbers = masks.targetCount * width
                    for (slot, image) in images.enumerated() {
                        let start = (image * masks.blocks + block) * blockNumbers
                        tokens.replaceSubrange(
                            start..<(start + blockNumbers),
                            with: predictions[(slot * blockNumbers)..<((slot + 1) * blockNumbers)])
                    }
                }
            }
            let means = FeatureMatrix.pooled(tokens, images: counted, patches: perImage, columns: width)
            pooled += means.values
            guard rows > 0 else { continue }
            let choice = PatchChoice(
                images: counted, patchesPerImage: perImage, rows: (rows * counted + imageCount - 1) / imageCount,
                seed: seed &+ UInt64(batchIndex))
            let part = PatchFeatures(tokens, pooled: means, choice: choice)
            chosen += part.patches.values
            residuals += part.residuals.values
        }
        self.skill = skill
        loss = lossSum / Double(elements)
        images = FeatureMatrix(rows: imageCount, columns: width, values: pooled)
        patches =
            rows > 0
            ? PatchFeatures(
                patches: FeatureMatrix(rows: chosen.count / width, columns: width, values: chosen),
                residuals: FeatureMatrix(rows: chosen.count / width, columns: width, values: residuals),
                patchesPerImage: max(1, predictionsPerImage / max(imageCount, 1))) : nil
    }
}
