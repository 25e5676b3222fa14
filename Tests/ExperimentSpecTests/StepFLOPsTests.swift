import Objectives
import Declarations
import ExperimentSpec
import Masking
import Testing

/// The count of a step against one that walks over every layer, image, block and head and adds up single products.
@Suite struct StepFLOPsTests {
    /// Products of [n, k] by [k, d], and which of their operands need a gradient.
    private struct Tally {
        var forward = 0
        var backward = 0

        mutating func product(_ n: Int, _ k: Int, _ d: Int, gradients: Int) {
            forward += 2 * n * k * d
            backward += gradients * 2 * n * k * d
        }

        /// One transformer block over one sequence; both operands of all its products need a gradient, or none does.
        mutating func block(tokens: Int, width: Int, heads: Int, ratio: Int, learns: Bool) {
            let gradients = learns ? 2 : 0
            product(tokens, width, 3 * width, gradients: gradients)
            for _ in 0..<heads {
                product(tokens, width / heads, tokens, gradients: gradients)
                product(tokens, tokens, width / heads, gradients: gradients)
            }
            product(tokens, width, width, gradients: gradients)
            product(tokens, width, ratio * width, gradients: gradients)
            product(tokens, ratio * width, width, gradients: gradients)
        }
    }

    private func counted(_ configuration: RunConfiguration, context: Int, target: Int) -> Int {
        let model = configuration.model
        let sizes = ["width", "depth", "heads"].map {
            Int(specValue: configuration.value(of: "model.predictor.\($0)")) ?? model.heads
        }
        let (predictorWidth, predictorDepth, predictorHeads) = (sizes[0], sizes[1], sizes[2])
        let patches = (model.imageSize / model.patchSize) * (model.imageSize / model.patchSize)
        let pixels = model.channels * model.patchSize * model.patchSize
        let blocks = configuration.maskLimits.blocks
        let learnsTargets = configuration.targetEncoderRule.hasGradient
        var tally = Tally()
        for _ in 0..<configuration.training.batchSize {
            // Images need no gradient, weights do.
            tally.product(patches, pixels, model.width, gradients: learnsTargets ? 1 : 0)
            for _ in 0..<model.depth {
                tally.block(tokens: patches, width: model.width, heads: model.heads, ratio: 4, learns: learnsTargets)
            }
            tally.product(patches, pixels, model.width, gradients: 1)
            for _ in 0..<model.depth {
                tally.block(tokens: context, width: model.width, heads: model.heads, ratio: 4, learns: true)
            }
            guard configuration.value(of: "model.predictor.kind") == "transformer" else { continue }
            tally.product(context, model.width, predictorWidth, gradients: 2)
            for _ in 0..<blocks {
                for _ in 0..<predictorDepth {
                    tally.block(
                        tokens: context + target, width: predictorWidth, heads: predictorHeads,
                        ratio: 4, learns: true)
                }
                tally.product(target, predictorWidth, model.width, gradients: 2)
            }
        }
        for term in configuration.terms where term.weight.weight > 0 {
            let rows = configuration.training.batchSize
            for _ in 0..<term.views.count(blocks: blocks) {
                var width = model.width
                for next in term.projector.widths {
                    tally.product(rows, width, next, gradients: 2)
                    width = next
                }
                tally.product(width, rows, width, gradients: 2)
            }
        }
        return tally.forward + tally.backward
    }

    private static let arms: [RunConfiguration] = {
        var tiny = RunConfiguration()
        (tiny.model.width, tiny.model.depth, tiny.model.heads) = (48, 2, 3)
        (tiny.model.imageSize, tiny.model.patchSize, tiny.model.channels) = (32, 4, 3)
        tiny.set("model.predictor.width", to: 24)
        tiny.set("model.predictor.depth", to: 3)
        tiny.training.batchSize = 5
        var learning = tiny
        learning.set("target_encoder.kind", to: "shared_with_gradient")
        var regularized = tiny
        regularized.set("objective.vicreg.weight", to: 0.001)
        regularized.set("objective.vicreg.projector.kind", to: "mlp")
        regularized.set("objective.vicreg.projector.widths", to: [32, 40, 56])
        var pooled = tiny
        pooled.set("objective.vicreg.weight", to: 0.1)
        pooled.set("objective.vicreg.pairs", to: "context_target")
        pooled.set("model.predictor.kind", to: "none")
        pooled.set("masks.target_blocks", to: 3)
        return [tiny, learning, regularized, pooled]
    }()

    @Test(arguments: arms.indices) func `the count of a step is that of its single products`(arm: Int) {
        let configuration = Self.arms[arm]
        for (context, target) in [(17, 12), (30, 9), (1, 1)] {
            let flops = StepFLOPs(
                configuration, contextPatches: Double(context), targetPatches: Double(target))
            #expect(flops.total == Double(counted(configuration, context: context, target: target)))
        }
    }

    /// ViT-S/16 at 224², by hand, for one image, Kc = 100, Kp = 36, M = 4; a block of width 384 over n tokens does
    /// 24 · 384² · n + 4 · 384 · n² = 3,538,944 n + 1,536 n².
    @Test func `a step of ViT-S has the operations that were worked out by hand`() {
        var configuration = RunConfiguration()
        configuration.apply(.small)
        configuration.training.batchSize = 1
        let flops = StepFLOPs(configuration, contextPatches: 100, targetPatches: 36)
        // 196 patches of 768 numbers to 384: 2 · 196 · 768 · 384.
        let embedding = 115_605_504.0
        // 12 · (693,633,024 + 59,006,976): 196 tokens.
        #expect(flops.targetForward == embedding + 9_031_680_000)
        // 12 · (353,894,400 + 15,360,000): 100 tokens.
        #expect(flops.contextForward == embedding + 4_431_052_800)
        #expect(flops.encoderBackward == embedding + 2 * 4_431_052_800)
        // 100 rows in (29,491,200); 4 · 6 blocks of 136 tokens (481,296,384 + 28,409,856 each); 144 rows out.
        #expect(flops.predictorForward == 29_491_200 + 24 * 509_706_240 + 42_467_328)
        #expect(flops.predictorBackward == 2 * flops.predictorForward)
        #expect(flops.regularizer == 0)
        configuration.training.batchSize = 16
        #expect(
            StepFLOPs(configuration, contextPatches: 100, targetPatches: 36).total == 16 * flops.total)
    }
}
