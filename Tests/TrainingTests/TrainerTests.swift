import Declarations
import CPUKernels
import Datasets
import Diagnostics
import ExperimentSpec
import Kernels
import Objectives
import Safetensors
import Testing

@testable import Training

@Suite struct TrainerTests {
    static func configuration(steps: Int = 6) -> RunConfiguration {
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "fashion_mnist_sample")
        configuration.data.trainSubset = 64
        configuration.model.preset = .custom
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (16, 2, 2)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (28, 4, 1)
        configuration.model.initialization = .xavier
        configuration.set("model.predictor.width", to: 8)
        configuration.set("model.predictor.depth", to: 1)
        configuration.set("masks.min_keep", to: 4)
        configuration.set("objective.vicreg.weight", to: 0.01)
        configuration.training.batchSize = 16
        configuration.training.steps = steps
        configuration.evaluation.everySteps = 4
        configuration.set("evaluation.knn.k", to: [5])
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (200, 100)
        configuration.set("evaluation.linear.epochs", to: 2)
        configuration.diagnostics.embeddingsAtSteps = [2]
        (configuration.diagnostics.patchRows, configuration.diagnostics.lidarObjects) = (300, 20)
        configuration.diagnostics.gradientNormsEvery = 0
        return configuration
    }

    static let data: DatasetSplits = {
        do { return try DatasetSplits.load(configuration()) } catch {
            preconditionFailure("\(error)")
        }
    }()

    private func train(
        _ configuration: RunConfiguration, threads: Int = 1, recorder: MemoryRecorder = MemoryRecorder()
    ) throws -> MemoryRecorder {
        let trainer = try Trainer(
            configuration, data: Self.data, backend: CPUBackend(), threads: threads, recorder: recorder)
        #expect(try trainer.run { false } == .completed)
        return recorder
    }

    @Test("a run records every step, evaluates when asked, and ends with a checkpoint and embeddings")
    func records() throws {
        let recorder = try train(Self.configuration())
        #expect(recorder.steps.map(\.step) == Array(1...6))
        #expect(recorder.steps.allSatisfy { $0.metrics.loss.isFinite && $0.metrics.gradientNorm > 0 })
        #expect(recorder.evaluations.map(\.step) == [0, 0, 2, 2, 4, 4, 6, 6])
        #expect(recorder.embeddings.map(\.step) == [2, 2, 6, 6])
        #expect(recorder.embeddings.allSatisfy { $0.features.rows == 100 && $0.features.columns == 16 })
        #expect(recorder.embeddings.allSatisfy { $0.labels.count == 100 && Set($0.indices).count == 100 })
        // Logistic regression at initialisation and end alone.
        #expect(
            recorder.evaluations.allSatisfy {
                $0.details[0].rows.count == 4 * 5 * 2 && $0.details.count == ([0, 6].contains($0.step) ? 2 : 1)
            })
        #expect(recorder.checkpoints.keys.sorted() == [0, 6])
        for evaluation in recorder.evaluations {
            let names = Set(evaluation.metrics.map(\.name))
            #expect(names.isSuperset(of: ["knn_5", "linear", "rankme", "std_mean", "mean_cosine", "predictor_r2"]))
            #expect(evaluation.singularValues.count == 16)
        }
        // At the start both encoders have the same weights.
        #expect(
            recorder.evaluations[0].metrics.map(\.value).description
                == recorder.evaluations[1].metrics.map(\.value).description)
        #expect(recorder.evaluations[6].singularValues != recorder.evaluations[7].singularValues)
    }

    @Test("diagnostics come with every evaluation and at the steps that are asked for, on every view")
    func diagnoses() throws {
        var configuration = Self.configuration()
        configuration.diagnostics.atSteps = [1]
        configuration.diagnostics.everySteps = 3
        let recorder = try train(configuration)
        #expect(recorder.diagnostics.map(\.step) == [0, 1, 2, 3, 4, 6])
        #expect(recorder.evaluations.map(\.step) == [0, 0, 2, 2, 4, 4, 6, 6])
        let views = ["target", "context", "predictions"].flatMap { source in
            ["images", "patches", "within"].map { "\(source)/\($0)" }
        }
        for record in recorder.diagnostics {
            #expect(record.tables.map(\.name) == views + ["encoders", "predictor"])
            for table in record.tables {
                #expect(table.values.allSatisfy { !$0.value.isNaN }, "\(table.name) at step \(record.step)")
            }
        }
        let last = try #require(recorder.diagnostics.last)
        #expect(last["target/images", "rows"] == 100 && last["target/patches", "rows"] == 300)
        #expect(last["predictions/images", "rows"] == 100 && last["predictions/within", "width"] == 16)
        #expect((last["target/images", "lidar"] ?? 0) >= 1 && last["predictions/images", "lidar"] == nil)
        #expect((last["context/patches", "between_within_ratio"] ?? 0) > 0)
        // The same features as the evaluation's.
        let evaluation = try #require(recorder.evaluations.first { $0.step == 6 && $0.encoder == .target })
        #expect(last["target/images", "rankme"] == evaluation.metrics.first { $0.name == "rankme" }?.value)
        #expect(
            last["predictor", "predictor_r2"] == evaluation.metrics.first { $0.name == "predictor_r2" }?.value)
    }

    @Test("encoders begin alike, and the target follows the context")
    func encoderDistances() throws {
        let recorder = try train(Self.configuration())
        let (first, last) = (recorder.diagnostics[0], recorder.diagnostics[recorder.diagnostics.count - 1])
        for name in ["weight_distance", "target_movement", "context_movement"] {
            #expect(first["encoders", name] == 0 && (last["encoders", name] ?? 0) > 0, "\(name)")
        }
        #expect(abs((first["encoders", "feature_cosine_centred"] ?? 0) - 1) <= 1e-9)
        #expect(abs((last["encoders", "feature_cosine_centred"] ?? 1) - 1) > 1e-9)
        #expect((last["encoders", "target_movement"] ?? 1) < (last["encoders", "context_movement"] ?? 0))
        let table = try #require(last.tables.first { $0.name == "encoders" })
        #expect(table.vectorLabels["weight_distance_by_layer"] == ["patch_embed", "blocks.0", "blocks.1", "norm"])
        #expect(table.vectors[0].values.count == 4 && table.vectors[0].values.allSatisfy { $0 > 0 })

        var frozen = Self.configuration()
        frozen.set("target_encoder.kind", to: "frozen")
        let still = try #require(try train(frozen).diagnostics.last)
        #expect(still["encoders", "target_movement"] == 0 && (still["encoders", "context_movement"] ?? 0) > 0)
        var shared = Self.configuration()
        shared.set("target_encoder.kind", to: "shared_stop_gradient")
        let together = try #require(try train(shared).diagnostics.last)
        #expect(together["encoders", "weight_distance"] == 0)
        #expect(together["encoders", "target_movement"] == together["encoders", "context_movement"])
    }

    @Test("without patches and LiDAR those diagnostics are left out, and nothing else")
    func fewerDiagnostics() throws {
        var configuration = Self.configuration(steps: 1)
        (configuration.diagnostics.patchRows, configuration.diagnostics.lidarObjects) = (0, 0)
        let record = try #require(try train(configuration).diagnostics.last)
        #expect(
            record.tables.map(\.name)
                == ["target/images", "context/images", "predictions/images", "encoders", "predictor"])
        #expect(record["target/images", "lidar"] == nil && record["encoders", "patch_cosine"] == nil)
        #expect(record["target/images", "rankme"]?.isFinite == true)
    }

    @Test("measuring, and the threads that measure, change no weight and no number")
    func measuringChangesNothing() throws {
        var measured = Self.configuration()
        measured.diagnostics.everySteps = 1
        measured.diagnostics.gradientNormsEvery = 2
        let recorder = try train(measured)
        let plain = try train(Self.configuration())
        #expect(recorder.checkpoints[6] == plain.checkpoints[6])
        #expect(recorder.steps.map(\.metrics) == plain.steps.map(\.metrics))
        #expect(recorder.gradients.map(\.step) == [2, 4, 6] && plain.gradients.isEmpty)
        #expect(
            recorder.gradients.allSatisfy { record in
                record.terms.map(\.term) == ["prediction", "regulariser", "invariance", "variance", "covariance"]
                    && record.terms.allSatisfy { $0.encoderNorm > 0 }
            })
        let threaded = try train(measured, threads: 3)
        for (a, b) in zip(recorder.diagnostics, threaded.diagnostics) {
            for (one, other) in zip(a.tables, b.tables) {
                #expect(one.values.map(\.value) == other.values.map(\.value), "\(one.name) at step \(a.step)")
            }
        }
        #expect(recorder.gradients.map(\.terms) == threaded.gradients.map(\.terms))
    }

    @Test(
        "a run that is interrupted and resumed ends with exactly the weights of an unbroken one", arguments: [1, 3, 5])
    func resumes(after steps: Int) throws {
        let unbroken = try train(Self.configuration())
        let first = MemoryRecorder()
        let trainer = try Trainer(
            Self.configuration(), data: Self.data, backend: CPUBackend(), threads: 1, recorder: first)
        #expect(try trainer.run { first.steps.count == steps } == .interrupted)
        let tensors = try #require(first.checkpoints[steps])
        let second = MemoryRecorder()
        let resumed = try Trainer(
            Self.configuration(), data: Self.data, backend: CPUBackend(), threads: 2, recorder: second)
        try resumed.resume(fromStep: steps, tensors: tensors)
        #expect(try resumed.run { false } == .completed)
        #expect(second.checkpoints[6] == unbroken.checkpoints[6])
        #expect((first.steps + second.steps).map(\.metrics) == unbroken.steps.map(\.metrics))
        #expect((first.evaluations + second.evaluations).map(\.step) == unbroken.evaluations.map(\.step))
    }

    @Test("checkpoints come at multiples of the steps that the spec names, and minutes count besides")
    func checkpointSteps() throws {
        var configuration = Self.configuration(steps: 7)
        configuration.resources.checkpointSteps = 3
        #expect(try train(configuration).checkpoints.keys.sorted() == [0, 3, 6, 7])
        configuration.resources.checkpointSteps = nil
        configuration.resources.checkpointMinutes = 1e-9
        #expect(try train(configuration).checkpoints.keys.sorted() == Array(0...7))
    }

    @Test("intervals are those of the clock that only runs forward")
    func checkpointMinutes() {
        let start = ContinuousClock.now
        var schedule = CheckpointSchedule(steps: nil, minutes: 2, now: start)
        #expect(!schedule.isDue(afterStep: 1, now: start + .seconds(119)))
        #expect(schedule.isDue(afterStep: 1, now: start + .seconds(120)))
        schedule.made(at: start + .seconds(300))
        #expect(!schedule.isDue(afterStep: 2, now: start + .seconds(419)))
        #expect(schedule.isDue(afterStep: 2, now: start + .seconds(420)))
    }

    @Test("a run whose features stay collapsed ends early with everything that an end has; resumed, at the same step")
    func stopsOnCollapse() throws {
        var configuration = Self.configuration(steps: 40)
        configuration.evaluation.everySteps = 4
        configuration.set("evaluation.linear.intermediate", to: false)
        // Everything counts as collapsed.
        configuration.diagnostics.collapseRankShare = 1
        configuration.diagnostics.stopOnCollapse = 3
        func trainer(_ recorder: MemoryRecorder) throws -> Trainer<CPUBackend> {
            try Trainer(configuration, data: Self.data, backend: CPUBackend(), threads: 1, recorder: recorder)
        }
        let recorder = MemoryRecorder()
        // The initialisation does not count; step 2 is evaluated for its embeddings.
        #expect(try trainer(recorder).run { false } == .collapsed)
        #expect(recorder.steps.last?.step == 8)
        #expect(recorder.checkpoints.keys.sorted() == [0, 8])
        #expect(recorder.embeddings.map(\.step) == [2, 2, 8, 8])
        #expect(recorder.evaluations.last?.metrics.first { $0.name == "linear" }?.value.isFinite == true)
        #expect(recorder.evaluations.map(\.step) == [0, 0, 2, 2, 4, 4, 8, 8])

        let first = MemoryRecorder()
        #expect(try trainer(first).run { first.steps.count == 5 } == .interrupted)
        let second = MemoryRecorder()
        let resumed = try trainer(second)
        try resumed.resume(
            fromStep: 5, tensors: #require(first.checkpoints[5]), counters: #require(first.counters[5]))
        #expect(try resumed.run { false } == .collapsed)
        #expect(second.steps.map(\.step) == [6, 7, 8])
        #expect(second.checkpoints[8] == recorder.checkpoints[8])
        // Killed after its last checkpoint, before its end was stored, it takes no further step.
        let third = MemoryRecorder()
        let last = try trainer(third)
        try last.resume(
            fromStep: 8, tensors: #require(second.checkpoints[8]), counters: #require(second.counters[8]))
        #expect(try last.run { false } == .collapsed)
        #expect(third.steps.isEmpty && third.checkpoints.isEmpty)
    }

    @Test("healthy evaluations in between begin the count anew, and without the key nothing ends early")
    func collapseCount() throws {
        var configuration = Self.configuration()
        configuration.diagnostics.stopOnCollapse = 2
        func record(_ step: Int, std: Double, _ encoder: EvaluationConfiguration.Encoder = .target) -> EvaluationRecord
        {
            EvaluationRecord(
                step: step, encoder: encoder, metrics: [("rankme", 16), ("std_mean", std)], singularValues: [],
                details: [], isComplete: true, predictions: TestPredictions(classes: [], labels: [], indices: []))
        }
        var watch = CollapseWatch(configuration)
        for (step, std, isOver) in [
            (0, 0.001, false), (1, 0.001, false), (2, 1, false), (3, 0.001, false), (4, .nan, true),
        ] {
            // The context encoder does not count where there is a target encoder.
            watch = watch.noting([record(step, std: std), record(step, std: 1, .context)])
            #expect(watch.isOver == isOver, "step \(step)")
        }
        configuration.diagnostics.stopOnCollapse = nil
        watch = CollapseWatch(configuration)
        for step in 1...9 { watch = watch.noting([record(step, std: 0)]) }
        #expect(!watch.isOver)
    }

    @Test("a run that is asked to stop before it begins evaluates nothing")
    func stopsBeforeTheFirstEvaluation() throws {
        let recorder = MemoryRecorder()
        let trainer = try Trainer(
            Self.configuration(), data: Self.data, backend: CPUBackend(), threads: 1, recorder: recorder)
        #expect(try trainer.run { true } == .interrupted)
        #expect(recorder.evaluations.isEmpty && recorder.steps.isEmpty && recorder.checkpoints.isEmpty)
    }

    @Test("threads and loader threads change nothing")
    func threads() throws {
        var configuration = Self.configuration(steps: 3)
        // Wide enough for several chunks of parameters to each network.
        configuration.model.width = 96
        let one = try train(configuration)
        configuration.resources.loaderThreads = 3
        let many = try train(configuration, threads: 3)
        #expect(one.checkpoints[3] != nil && one.checkpoints[3] == many.checkpoints[3])
        #expect(one.embeddings.map(\.features) == many.embeddings.map(\.features))
    }

    @Test("rounds change nothing, also where a run goes on with another number of them", arguments: [2, 3, 4])
    func rounds(_ rounds: Int) throws {
        var configuration = Self.configuration()
        configuration.resources.shards = 16
        let whole = try train(configuration)
        configuration.resources.accumulate = rounds
        let first = MemoryRecorder()
        let trainer = try Trainer(
            configuration, data: Self.data, backend: CPUBackend(), threads: 2, recorder: first)
        #expect(try trainer.run { first.steps.count == 3 } == .interrupted)
        configuration.resources.accumulate = 1
        let second = MemoryRecorder()
        let resumed = try Trainer(
            configuration, data: Self.data, backend: CPUBackend(), threads: 1, recorder: second)
        try resumed.resume(fromStep: 3, tensors: try #require(first.checkpoints[3]))
        #expect(try resumed.run { false } == .completed)
        #expect(second.checkpoints[6] == whole.checkpoints[6])
        #expect((first.steps + second.steps).map(\.metrics) == whole.steps.map(\.metrics))
        // The predictor's skill among them, on images that come round by round.
        #expect(
            (first.evaluations + second.evaluations).map { "\($0.metrics)" }
                == whole.evaluations.map { "\($0.metrics)" })
    }

    @Test("arms with equal seeds share initial weights, data order, and masks; other seeds differ")
    func pairing() throws {
        var other = Self.configuration()
        other.set("objective.vicreg.weight", to: 0)
        other.set("target_encoder.kind", to: "shared_stop_gradient")
        let a = try train(Self.configuration())
        let b = try train(other)
        let name = "encoder.blocks.0.attn.qkv.weight"
        #expect(a.checkpoints[0]?[name] == b.checkpoints[0]?[name])
        #expect(a.steps[0].metrics.predictionLoss == b.steps[0].metrics.predictionLoss)
        #expect(a.steps.map(\.contextPatches) == b.steps.map(\.contextPatches))
        #expect(a.checkpoints[6]?[name] != b.checkpoints[6]?[name])
        var seeded = Self.configuration()
        seeded.seed = 1
        #expect(try train(seeded).steps[0].metrics.predictionLoss != a.steps[0].metrics.predictionLoss)
    }

    @Test("training lowers the loss")
    func learns() throws {
        var configuration = Self.configuration(steps: 150)
        configuration.evaluation.everySteps = 0
        configuration.diagnostics.embeddingsAtSteps = []
        configuration.schedule.warmup = 0.1
        let losses = try train(configuration).steps.map(\.metrics.predictionLoss)
        let (start, end) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
        #expect(end < 0.8 * start, "\(start) → \(end)")
    }

    @Test("without a regulariser a single block or image is enough; the terms are gaps")
    func singleBlock() throws {
        var configuration = Self.configuration(steps: 2)
        configuration.set("objective.vicreg.weight", to: 0)
        configuration.set("masks.target_blocks", to: 1)
        let recorder = try train(configuration)
        #expect(recorder.steps.allSatisfy { $0.metrics.loss == $0.metrics.predictionLoss && $0.metrics.loss > 0 })
        #expect(recorder.steps.allSatisfy { $0.metrics.terms[2].isNaN })
    }

    @Test("a checkpoint of another architecture is refused by name")
    func wrongCheckpoint() throws {
        let recorder = try train(Self.configuration(steps: 1))
        var configuration = Self.configuration()
        configuration.model.width = 32
        let trainer = try Trainer(
            configuration, data: Self.data, backend: CPUBackend(), threads: 1, recorder: MemoryRecorder())
        #expect {
            try trainer.resume(fromStep: 1, tensors: recorder.checkpoints[1] ?? [:])
        } throws: {
            "\($0)".contains("encoder.")
        }
    }

    @Test("images of another number of channels are refused with the remedy")
    func channels() {
        var configuration = Self.configuration()
        configuration.model.channels = 3
        #expect {
            _ = try Trainer(
                configuration, data: Self.data, backend: CPUBackend(), threads: 1, recorder: MemoryRecorder())
        } throws: {
            "\($0)".contains("model.channels: 1")
        }
    }
}

/// Keeps what a run reports.
final class MemoryRecorder: RunRecorder {
    var steps: [StepRecord] = []
    var evaluations: [EvaluationRecord] = []
    var embeddings: [EmbeddingRecord] = []
    var checkpoints: [Int: [String: SafetensorsTensor]] = [:]
    var diagnostics: [DiagnosticsRecord] = []
    var gradients: [GradientRecord] = []
    var counters: [Int: [String: String]] = [:]
    var phases: [String] = []

    func record(_ step: StepRecord) { steps.append(step) }
    func record(_ evaluation: EvaluationRecord) { evaluations.append(evaluation) }
    func record(_ record: EmbeddingRecord) { embeddings.append(record) }
    func record(_ record: DiagnosticsRecord) { diagnostics.append(record) }
    func record(_ record: GradientRecord) { gradients.append(record) }
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) throws {
        checkpoints[step] = try tensors.mapValues { try $0.tensor() }
        self.counters[step] = counters
    }
    func enter(phase: String) { phases.append(phase) }
}

extension DiagnosticsRecord {
    /// The number of a table's column.
    subscript(table: String, column: String) -> Double? {
        tables.first { $0.name == table }?.values.first { $0.name == column }?.value
    }
}
