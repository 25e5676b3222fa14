import Declarations
import ExperimentSpec
import Foundation
import Testing

@Suite struct CostEstimateTests {
    /// Sizes of the tensors of a golden file whose names begin with `prefix`.
    private func goldenCount(_ prefix: String) throws -> Int {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Golden/tiny.safetensors")
        let data = try Data(contentsOf: file)
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(
            try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: [String: Any]])
        return header.filter { $0.key.hasPrefix(prefix) }
            .compactMap { $0.value["shape"] as? [Int] }.map { $0.reduce(1, *) }.reduce(0, +)
    }

    private var tiny: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.model.width = 48
        (configuration.model.depth, configuration.model.heads) = (2, 3)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (32, 4, 3)
        configuration.set("model.predictor.width", to: 24)
        configuration.set("model.predictor.depth", to: 2)
        configuration.set("masks.min_keep", to: 4)
        configuration.training.batchSize = 4
        configuration.training.steps = 10
        return configuration
    }

    @Test func `parameters are those of the golden networks`() throws {
        let cost = CostEstimate(tiny)
        // Positions are fixed; a stored table of them is no parameter.
        let encoder = try goldenCount("encoder.") - goldenCount("encoder.pos_embed")
        let predictor = try goldenCount("predictor.") - goldenCount("predictor.predictor_pos_embed")
        #expect(cost.encoderParameters == encoder)
        #expect(cost.predictorParameters == predictor)
        #expect(cost.projectorParameters == 0)
    }

    /// timm's vit_*_patch16_224 (5,717,416 · 22,050,664 · 86,567,656 · 304,326,632) without head, class token, positions.
    @Test(arguments: [
        (ModelConfiguration.Preset.tiny, 5_486_400), (.small, 21_589_632), (.base, 85_646_592), (.large, 303_098_880),
    ])
    func `presets have the known numbers of parameters`(preset: ModelConfiguration.Preset, count: Int) {
        var configuration = RunConfiguration()
        configuration.apply(preset)
        #expect(CostEstimate(configuration).encoderParameters == count)
    }

    @Test func `a projector counts once it is used`() {
        var configuration = tiny
        configuration.set("objective.vicreg.projector.kind", to: "mlp")
        configuration.set("objective.vicreg.projector.widths", to: [8, 16, 32])
        #expect(CostEstimate(configuration).projectorParameters == 0)
        configuration.set("objective.vicreg.weight", to: 1)
        #expect(CostEstimate(configuration).projectorParameters == 48 * 8 + 3 * 8 + 8 * 16 + 3 * 16 + 16 * 32)
    }

    @Test func `the FLOPs of a step are those of the expected masks`() {
        let cost = CostEstimate(tiny)
        let (context, target) = (cost.contextPatches, cost.targetPatches)
        #expect(
            cost.flopsPerStep == StepFLOPs(tiny, contextPatches: context, targetPatches: target).total)
        #expect(cost.flopsPerStep > 0)
    }

    @Test func `gradient through the targets, VICReg and a missing predictor change the cost of a step`() {
        let plain = CostEstimate(tiny).flopsPerStep
        var configuration = tiny
        configuration.set("target_encoder.kind", to: "shared_with_gradient")
        #expect(CostEstimate(configuration).flopsPerStep > plain)
        #expect(CostEstimate(configuration).diskBytes < CostEstimate(tiny).diskBytes)
        configuration = tiny
        configuration.set("objective.vicreg.weight", to: 1)
        let vicreg = CostEstimate(configuration).flopsPerStep
        // Four views' covariances, forward and backward.
        #expect(vicreg - plain == 3 * 4 * 4 * 2 * 48 * 48)
        configuration = tiny
        configuration.set("model.predictor.kind", to: "none")
        #expect(CostEstimate(configuration).flopsPerStep < plain)
        #expect(CostEstimate(configuration).predictorParameters == 0)
    }

    @Test(arguments: ["ijepa", "uniform"])
    func `expected patches lie where the ranges allow`(sampler: String) {
        var configuration = RunConfiguration()
        configuration.set("masks.sampler", to: .text(sampler))
        let cost = CostEstimate(configuration)
        // 14×14 patches: 29 to 39 in a target block, rounded to a rectangle; the context loses up to four of them.
        #expect(cost.targetPatches > 26 && cost.targetPatches < 43)
        #expect(cost.contextPatches > 11 && cost.contextPatches < 120)
        #expect(CostEstimate(configuration) == cost)
    }

    /// Means over 20,000 images of the sampler: 23.9 of 49 patches where nothing is cut; 17.4 in batches of 32.
    @Test func `expected context patches depend on the batch size only where images are cut`() {
        var configuration = tiny
        configuration.model.imageSize = 28
        func context(_ count: String, batch: Int) -> Double {
            configuration.set("masks.context_count", to: .text(count))
            configuration.training.batchSize = batch
            return CostEstimate(configuration).contextPatches
        }
        #expect(context("fixed", batch: 32) == context("fixed", batch: 2048))
        #expect(abs(context("fixed", batch: 32) - 23.9) < 1)
        #expect(abs(context("batch", batch: 32) - 17.4) < 4)
        #expect(context("batch", batch: 2048) < context("fixed", batch: 2048) - 4)
    }

    @Test func `memory and disk grow with what they hold`() {
        let base = CostEstimate(tiny)
        var configuration = tiny
        configuration.training.batchSize = 256
        #expect(CostEstimate(configuration).memoryBytes > base.memoryBytes)
        configuration = tiny
        configuration.diagnostics.embeddingsAtSteps = [5]
        let encoders = configuration.evaluation.encoders.count
        #expect(CostEstimate(configuration).diskBytes - base.diskBytes == 4 * encoders * 10_000 * 48)
        configuration.diagnostics.storeEmbeddings = false
        #expect(CostEstimate(configuration).diskBytes == base.diskBytes - 4 * encoders * 10_000 * 48)
        // Weights, two moments and the target encoder at least.
        #expect(base.diskBytes > 4 * (4 * base.encoderParameters + 3 * base.predictorParameters))
    }

    @Test func `evaluations are those at the start, between and at the end`() {
        var configuration = tiny
        #expect(CostEstimate(configuration).evaluations == 2)
        configuration.evaluation.everySteps = 5
        #expect(CostEstimate(configuration).evaluations == 3)
        configuration.evaluation.everySteps = 3
        #expect(CostEstimate(configuration).evaluations == 5)
        // Both encoders, but one pass at initialisation, where they are equal.
        #expect(CostEstimate(configuration).evaluationPasses == 9)
        #expect(CostEstimate(configuration).task("linear")?.count == 9)
        configuration.set("evaluation.linear.intermediate", to: false)
        #expect(CostEstimate(configuration).task("linear")?.count == 3)
        configuration.set("target_encoder.kind", to: "shared_stop_gradient")
        #expect(CostEstimate(configuration).evaluationPasses == 5)
        #expect(CostEstimate(configuration).task("linear")?.count == 2)
    }

    @Test func `a linear probe costs two products over the images that it is fitted to, and one over the others`()
        throws
    {
        var configuration = tiny
        configuration.evaluation.trainImages = 1000
        configuration.evaluation.testImages = 500
        configuration.set("evaluation.linear.lr", to: [0.1, 1])
        configuration.set("evaluation.linear.weight_decay", to: [0])
        configuration.set("evaluation.linear.epochs", to: 3)
        configuration.diagnostics.lidarObjects = 0
        let cost = CostEstimate(configuration)
        // Two heads of ten classes; one layer and (of two there are) two layers, with and without BatchNorm.
        let product = 2.0 * 2 * 10 * (2 * 3 * 48)
        let flops = try #require(cost.task("linear")?.flops)
        #expect(abs(flops - product * (2 * 3 * 900 + 100 + 500)) <= 1e-6 * flops)
        #expect(cost.task("knn")?.flops == 2 * 1000 * 500 * 48 && cost.task("knn")?.count == cost.evaluationPasses)
        #expect(cost.imagesPerPass == 1500)
    }

    @Test func `the time of a run is that of its parts, each as often as it happens`() {
        var configuration = tiny
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (1000, 500)
        configuration.evaluation.everySteps = 4
        configuration.diagnostics.lidarObjects = 0
        let cost = CostEstimate(configuration)
        // Ten steps; evaluations at 0, 4, 8 and 10: one pass at initialisation, then both encoders.
        #expect(cost.evaluations == 4 && cost.evaluationPasses == 7 && cost.tasks.map(\.count) == [7, 7, 3])
        #expect(cost.testImages == 500)
        let pace = RunPace(
            step: 0.5, feature: 0.01, tasks: ["knn": 0.25, "linear": 2], diagnostics: 0.125, skill: 0.375, start: 3)
        let steps = 10 * 0.5
        let passes = 7 * (1500 * 0.01 + 0.25 + 0.125)
        let expected: Double = steps + passes + 7.0 * 2 + 4 * 0.375 + 3
        #expect(abs(cost.seconds(pace) - expected) <= 1e-9 * expected)
        // Raw pixels, 3·32², instead of 48 numbers in kNN, and of 48 and 2·48 in the linear probes.
        let neighbours: Double = 0.25 * 3072 / 48
        let probes: Double = 2 * 3072 / 144
        let floors: Double = 3 + neighbours + probes
        #expect(abs(cost.floorsSeconds(pace) - floors) <= 1e-9 * floors)
        let other = RunPace(
            step: 1.5, feature: 0.03, tasks: ["knn": 0.75, "linear": 4], diagnostics: 0, skill: 0, start: 1)
        #expect(
            RunPace.mean([pace, other])
                == RunPace(
                    step: 1, feature: 0.02, tasks: ["knn": 0.5, "linear": 3], diagnostics: 0.0625, skill: 0.1875,
                    start: 2))
    }

    @Test func `diagnostics cost the features that they need, and gradient norms a step for each term`() {
        var configuration = tiny
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (1000, 500)
        configuration.training.steps = 1000
        #expect(CostEstimate(configuration).imagesPerPass == 1500 + 256 * 4)
        #expect(CostEstimate(configuration).diagnosedImages == 0 && CostEstimate(configuration).gradientPasses == 0)
        configuration.diagnostics.everySteps = 300
        configuration.set("objective.vicreg.weight", to: 0.001)
        #expect(CostEstimate(configuration).diagnosedImages == 3 * 2 * (500 + 256 * 4))
        // Prediction, regulariser and three terms at steps 250, 500, 750 and 1000.
        #expect(CostEstimate(configuration).gradientPasses == 4 * 5)
        configuration.set("objective.vicreg.covariance", to: 0)
        configuration.set("target_encoder.kind", to: "shared_stop_gradient")
        #expect(CostEstimate(configuration).gradientPasses == 4 * 4)
        #expect(CostEstimate(configuration).diagnosedImages == 3 * (500 + 256 * 4))
    }

    /// Resident memory of a worker of experiments/fashion-ablation.spec (ijepa.ema, one thread) was 191 MiB.
    @Test func `predicted memory covers a run that was measured`() {
        var configuration = RunConfiguration()
        configuration.apply(.custom)
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (96, 4, 3)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (28, 4, 1)
        configuration.set("model.predictor.width", to: 48)
        configuration.set("model.predictor.depth", to: 2)
        configuration.set("model.predictor.heads", to: 3)
        configuration.set("masks.min_keep", to: 4)
        (configuration.training.batchSize, configuration.training.steps) = (32, 1000)
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (5000, 2000)
        let memory = CostEstimate(configuration).memoryBytes
        #expect(memory > 191 << 20 && memory < 2 * 191 << 20, "\(memory >> 20) MiB")
        // Without VICReg the shards keep their workspaces just the same.
        configuration.set("objective.vicreg.weight", to: 1)
        #expect(CostEstimate(configuration).memoryBytes == memory)
        configuration.resources.threads = 2
        #expect(CostEstimate(configuration).memoryBytes > memory)
    }
}
