import CPUKernels
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import Kernels
import Masking
import Objectives
import Pictures
import Testing
import Training

import cjepa_exp

/// A mask sampler and a target-encoder rule that only these tests know, from the spec to trained weights.
@Suite struct OpenMethodTests {
    private static let catalogue = Catalogue(
        maskSamplers: MaskSamplers.standard + [ScatteredMasks.self],
        targetEncoderRules: TargetEncoderRules.standard + [CopiedTarget.self])

    private func withCatalogue<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Catalogue.$current.withValue(Self.catalogue, operation: body)
    }

    private static let header = """
        question: Does it train?
        seeds: [0]
        data: {dataset: fashion_mnist_sample, train_subset: 64}
        model: {preset: custom, width: 16, depth: 2, heads: 2, image_size: 28, patch_size: 4, channels: 1, init: xavier}
        model.predictor: {width: 8, depth: 1, heads: 2}
        masks.min_keep: 4
        training: {batch_size: 16, steps: 4}
        evaluation: {knn: {k: [5]}, train_images: 100, test_images: 50, linear.epochs: 1}
        diagnostics: {patch_rows: 100, lidar_objects: 10}

        """

    private func load(_ text: String) throws -> Experiment {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("method-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("trial.spec")
        try (Self.header + text).write(to: file, atomically: true, encoding: .utf8)
        return try withCatalogue { try Experiment.load(path: file.path) }
    }

    private func configuration(_ text: String) throws -> RunConfiguration {
        try #require(try load(text).runs.first).configuration
    }

    // MARK: Specs

    @Test func aSpecSetsTheirKeysAndTheyAreStoredAndReadBack() throws {
        let configuration = try configuration(
            "masks: {sampler: scattered, ratio: 0.5}\ntarget_encoder: {kind: copied, every: 3}\n")
        try withCatalogue {
            let sampler = try #require(try configuration.maskSampler() as? ScatteredMasks)
            #expect(sampler.limits == MaskLimits(blocks: 3, contextCount: 25, targetCount: 8))
            #expect((configuration.targetEncoderRule as? CopiedTarget)?.every == 3)
            let data = try JSONEncoder().encode(configuration)
            #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
        }
    }

    @Test func theirKeysLeaveTheIdentityOfOtherRunsAsItWas() throws {
        let plain = try configuration("")
        let unused = try configuration("masks.ratio: 0.5\ntarget_encoder.every: 3\n")
        let scattered = try configuration("masks.sampler: scattered\n")
        let other = try configuration("masks: {sampler: scattered, ratio: 0.5}\n")
        let copied = try configuration("target_encoder.kind: copied\n")
        let later = try configuration("target_encoder: {kind: copied, every: 3}\n")
        let known = plain.configurationHash()
        withCatalogue {
            #expect(plain.configurationHash() == known && unused.configurationHash() == known)
            #expect(Set([plain, scattered, other, copied, later].map { $0.configurationHash() }).count == 5)
            // What the chosen one does not read cannot change its runs.
            var idle = scattered
            idle.set("masks.min_keep", to: 2)
            idle.set("masks.context_count", to: "batch")
            #expect(idle.configurationHash() == scattered.configurationHash())
            idle = copied
            idle.set("target_encoder.momentum", to: [0.5, 0.5])
            #expect(idle.configurationHash() == copied.configurationHash())
        }
    }

    @Test(arguments: [
        ("masks.sampler: scatterd\n", "masks.sampler", "expected one of ijepa, uniform, scattered"),
        ("masks: {sampler: scattered, ratio: 2}\n", "masks.ratio", "2 is out of range: must be ≥ 0, ≤ 1"),
        ("masks: {sampler: scattered, ratio: 0.01}\n", "masks.ratio", "leaves nothing to see, or nothing to predict"),
        ("masks: {sampler: scattered, hide: 0.5}\n", "masks.hide", "unknown key"),
        (
            "masks: {sampler: scattered, sets: 1}\nobjective.vicreg.weight: 1\n", "masks.sets",
            "VICReg over target blocks needs at least 2 blocks"
        ),
        ("masks.target_scale: [0.2, 0.1]\n", "masks.target_scale", "the lower end of the range is above its upper end"),
        ("target_encoder: {kind: copied, every: 0}\n", "target_encoder.every", "0 is out of range"),
        (
            "target_encoder.kind: copied\nobjective.sigreg: {weight: 1, on: targets}\n", "objective.sigreg.on",
            "the target encoder has no gradient"
        ),
    ])
    func mistakesAreRefusedAtTheirKey(text: String, key: String, message: String) throws {
        do {
            _ = try load(text)
            Issue.record("\(text) was accepted")
        } catch let errors as SpecErrors {
            let error = try #require(errors.errors.first)
            #expect(error.keyPath == key && error.message.contains(message), "\(error)")
        }
    }

    @Test func documentationSchemaAndSuggestionsHaveTheirKeys() throws {
        withCatalogue {
            let table = SpecKey.markdownTable()
            #expect(
                table.contains("| `masks.ratio` | number, ≥ 0, ≤ 1 | `0.75` | Share of the patches that are hidden. |"))
            #expect(table.contains("| `masks.sampler` | ijepa, uniform, scattered | `uniform` |"))
            #expect(table.contains("scattered: random patches") && table.contains("| `target_encoder.every` |"))
            #expect(ExperimentSchema.json().contains("\"masks.ratio\""))
        }
        do {
            _ = try load("masks.hide: 2\n")
            Issue.record("hide was accepted")
        } catch let errors as SpecErrors {
            #expect(errors.errors.first?.nearest == "masks.ratio")
        }
        #expect(!SpecKey.markdownTable().contains("masks.ratio"))
    }

    @Test func costsCountThem() throws {
        let scattered = try configuration("masks: {sampler: scattered, ratio: 0.5}\n")
        let frozen = try configuration("target_encoder.kind: frozen\n")
        let shared = try configuration("target_encoder.kind: shared_stop_gradient\n")
        let copied = try configuration("target_encoder.kind: copied\n")
        withCatalogue {
            let cost = CostEstimate(scattered)
            #expect(cost.contextPatches == 25 && cost.targetPatches == 8)
            #expect(
                cost.flopsPerStep
                    == StepFLOPs(scattered, contextPatches: 25, targetPatches: 8).total)
            let memory = [frozen, shared, copied].map { CostEstimate($0).memoryBytes }
            #expect(memory[2] == memory[0] && memory[2] > memory[1])
        }
    }

    // MARK: Masks

    @Test func masksOfPatchesThatAreNoBlocksAreDescribedAndDrawn() throws {
        let configuration = try configuration("masks: {sampler: scattered, ratio: 0.5}\n")
        try withCatalogue {
            let train = try DatasetSplits.load(configuration).train
            let report = try MasksReport(configuration, dataset: train, rows: 2, batches: 5)
            #expect(report.text.contains("scattered, 7×7 patches, 3 target blocks"))
            #expect(report.text.contains("predicted        49.0 % are in a target, 0.0 % in several"))
            #expect(!report.text.contains("sizes"))
            #expect(report.statistics.targetSizes.isEmpty && report.statistics.targetPatches.max == 8)
            let figure = report.figure()
            // Enlarged 5 times, panels 10 apart from the margin of 18: a hidden patch of the first set is as in the image.
            let patch = Int(try #require(report.masks.target(block: 0, image: 0).first))
            let (x, y) = (patch % 7 * 20 + 12, patch / 7 * 20 + 12)
            #expect(figure[18 + 2 * 150 + x, 40 + y] == figure[18 + x, 40 + y])
        }
    }

    // MARK: Training

    /// Parameters of both encoders after some steps on the run's own batches.
    private func train(_ text: String, steps: Int) throws -> (state: TrainingState<CPUBackend>, momenta: [Double]) {
        let configuration = try configuration(text)
        return try withCatalogue {
            let settings = try RunSettings(configuration)
            let backend = CPUBackend()
            var replay = try BatchReplay(settings, data: try DatasetSplits.load(configuration))
            let step = settings.step(on: backend, threads: 2)
            var state = settings.initialState(on: backend)
            var momenta: [Double] = []
            for index in 0..<steps {
                let batch = try replay.batch(index)
                let input = StepBatch(
                    images: .whole(batch.images), imageCount: batch.masks.images, context: batch.masks.context,
                    targets: batch.masks.targets, blockCount: batch.masks.blocks)
                let hyperparameters = settings.hyperparameters(at: index)
                momenta.append(hyperparameters.recordedMomentum)
                let metrics = try step(input, hyperparameters, state: &state)
                #expect(metrics.loss.isFinite && metrics.gradientNorm > 0)
            }
            return (state, momenta)
        }
    }

    @Test func aRunTrainsOnScatteredPatches() throws {
        let state = try train("masks: {sampler: scattered, ratio: 0.5}\nobjective.vicreg.weight: 0.01\n", steps: 3)
            .state
        #expect(state.step == 3)
    }

    @Test func aTargetEncoderIsCopiedWhenItsRuleSaysSo() throws {
        let text = "target_encoder: {kind: copied, every: 2}\n"
        let backend = CPUBackend()
        func distance(_ state: TrainingState<CPUBackend>) -> Float {
            let target = backend.values(of: state.target)
            return zip(target, backend.values(of: state.online)).map { abs($0 - $1) }.max() ?? .nan
        }
        let (first, second, third) = (try train(text, steps: 1), try train(text, steps: 2), try train(text, steps: 3))
        let initial = try train(text, steps: 0).state
        // It stays, is copied up to rounding, and stays again.
        #expect(backend.values(of: first.state.target) == backend.values(of: initial.target))
        #expect(distance(first.state) > 1e-6 && distance(second.state) <= 3e-7)
        #expect(backend.values(of: third.state.target) == backend.values(of: second.state.target))
        #expect(distance(third.state) > 1e-6 && third.momenta == [1, 0, 1])
    }

    @Test func whatIsRecordedOfTheFirstRulesIsTheirSchedule() throws {
        for type in TargetEncoderRules.standard {
            let configuration = try configuration(
                "target_encoder: {kind: \(type.name), momentum: [0.9, 1]}\nschedule.stretch: 1.25\n")
            let settings = try RunSettings(configuration)
            // Four steps, stretched to five.
            let expected = (0..<4).map { 0.9 + (1 - 0.9) * min(1, Double($0) / 5) }
            #expect((0..<4).map { settings.hyperparameters(at: $0).recordedMomentum } == expected)
        }
    }
}
