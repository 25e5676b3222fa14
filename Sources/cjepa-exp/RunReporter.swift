import Analysis
import Diagnostics
import Declarations
import ExperimentSpec
import Foundation
import Objectives
import Orchestration
import RunStore
import Safetensors
import Training

/// Carries what the trainer reports to the run's files, and to whoever listens on standard output.
final class RunReporter: RunRecorder {
    private let directory: RunDirectory
    private let hash: String
    private let checkpointsKept: Int
    private let writer: RunWriter
    private var state: RunState
    private var steps: StepClock
    private let output: WorkerOutput
    private let space: SpaceWait
    private let live: LiveMetrics?
    private var lastSave = ContinuousClock.now
    /// Of the latest steps; each counts for less than the one behind it.
    private var wait = LoaderWait(waited: 0, total: 0)
    private static let memory = 0.98

    init(
        directory: RunDirectory, run: PlannedRun, writer: RunWriter, state: RunState, output: WorkerOutput,
        space: SpaceWait
    ) {
        self.space = space
        self.directory = directory
        hash = run.configurationHash
        checkpointsKept = run.configuration.resources.checkpointsKept
        self.writer = writer
        self.state = state
        self.output = output
        steps = StepClock(firstStep: state.step)
        live = LiveMetrics(
            run.configuration.resources, in: directory, startedAt: state.startedAt, step: state.step,
            tables: writer.tables
        ) { output.send(.warning($0)) }
    }

    /// Steps done.
    var step: Int { state.step }

    func record(_ step: StepRecord) throws {
        writer.append("steps", step.columns)
        state.step = step.step
        state.metrics["loss"] = step.metrics.loss
        wait = LoaderWait(
            waited: Self.memory * wait.waited + step.loaderWaitSeconds, total: Self.memory * wait.total + step.seconds)
        state.loaderWaitShare = wait.share
        live?.writeNowAndThen(writer.tables)
        guard let secondsLeft = steps.isDue(after: step, of: state.totalSteps) else { return }
        try saveStateNowAndThen()
        let metrics = step.metrics
        output.send(
            .step(
                StepReport(
                    step: step.step, totalSteps: state.totalSteps, epoch: step.epoch, loss: metrics.loss,
                    terms: Dictionary([("prediction_loss", metrics.predictionLoss)] + step.terms) { first, _ in first },
                    imagesPerSecond: Double(step.imageCount) / step.seconds, secondsLeft: secondsLeft,
                    loaderWaitShare: wait.share)))
    }

    func record(_ evaluation: EvaluationRecord) throws {
        let table = "evaluation/\(evaluation.encoder.rawValue)"
        writer.append(table, [("step", Double(evaluation.step))] + evaluation.metrics.map { ($0.name, $0.value) })
        writer.append(vector: evaluation.singularValues, to: table, column: "singular_values")
        for (name, rows) in evaluation.details {
            let columns = MetricConvention.details(name).map(\.name)
            for row in rows {
                writer.append(
                    "\(name)/\(evaluation.encoder.rawValue)",
                    [("step", Double(evaluation.step))] + Array(zip(columns, row)))
            }
        }
        store(evaluation.predictions, of: evaluation)
        let metrics = Dictionary(uniqueKeysWithValues: evaluation.metrics.map { ($0.name, $0.value) })
        if evaluation.encoder == .target { state.metrics.merge(metrics) { $1 } }
        output.send(.evaluation(step: evaluation.step, encoder: evaluation.encoder.rawValue, metrics: metrics))
    }

    func record(_ gradients: GradientRecord) {
        writer.append(
            "gradients",
            [("step", Double(gradients.step))]
                + gradients.terms.flatMap { term in
                    [("\(term.term)_encoder", term.encoderNorm)]
                        + (term.predictorNorm.map { [("\(term.term)_predictor", $0)] } ?? [])
                })
    }

    func record(_ diagnostics: DiagnosticsRecord) {
        for table in diagnostics.tables {
            let name = "diagnostics/\(table.name)"
            writer.append(name, [("step", Double(diagnostics.step))] + table.values.map { ($0.name, $0.value) })
            for vector in table.vectors { writer.append(vector: vector.values, to: name, column: vector.name) }
            for (column, labels) in table.vectorLabels {
                writer.setAttributes(of: "\(name)/\(column)", ["labels": .strings(labels)])
            }
        }
        judge()
    }

    /// The verdict on everything measured so far.
    private func judge() {
        let verdict = RunVerdict(
            RunHistory { self.writer.table($0) }, thresholds: VerdictThresholds(writer.configuration.diagnostics))
        guard let stored = StoredVerdict(verdict) else { return }
        writer.append(stored, known: StoredVerdict.knownFindings)
        state.verdict = stored.verdict
    }

    /// Keeps those of the last evaluation: what resampling the test images needs.
    private func store(_ predictions: TestPredictions, of evaluation: EvaluationRecord) {
        guard evaluation.isComplete, !predictions.classes.isEmpty else { return }
        writer.setIntegers(
            RunFormat.predictions(encoder: evaluation.encoder.rawValue), rows: predictions.classes.map(\.classes),
            attributes: [
                "probes": .strings(predictions.classes.map(\.name)), "step": .integer(evaluation.step),
                "convention": "class that each probe gives each test image at the last evaluation with all probes",
            ])
        writer.setIntegers("predictions/labels", predictions.labels)
        writer.setIntegers("predictions/indices", predictions.indices)
        if let names = predictions.names { writer.setStrings("predictions/names", names) }
    }

    func record(_ embeddings: EmbeddingRecord) throws {
        let features = embeddings.features
        writer.setMatrix(
            RunFormat.embeddings(encoder: embeddings.encoder.rawValue, step: embeddings.step), rows: features.rows,
            columns: features.columns, features.values,
            attributes: [
                "features": "output of the encoder averaged over patches, test images",
                "step": .integer(embeddings.step),
            ])
        writer.setIntegers("embeddings/labels", embeddings.labels)
        writer.setIntegers("embeddings/indices", embeddings.indices)
        if let names = embeddings.names { writer.setStrings("embeddings/names", names) }
    }

    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) throws {
        // A run that resumes from the checkpoint adds only rows of later steps.
        live?.write(writer.tables)
        try space {
            // Results first: a checkpoint never knows of rows that the results lack.
            try writer.commit()
            try directory.checkpoints.save(
                configurationHash: hash, step: step, tensors: tensors, metadata: counters, keeping: checkpointsKept)
            state.updatedAt = Date()
            try directory.save(state)
        }
        lastSave = .now
        output.send(.checkpoint(step: step))
    }

    /// Keeps what `status` shows from being older than a few seconds.
    private func saveStateNowAndThen() throws {
        guard ContinuousClock.now - lastSave >= .seconds(5) else { return }
        lastSave = .now
        state.updatedAt = Date()
        do {
            try directory.save(state)
        } catch let error as FileWriteError where error.isDiskFull {
            // The next checkpoint waits for space; until then training need not.
        }
    }

    func enter(phase: String) {
        output.send(.phase(name: phase))
        steps.restart()
    }

    /// Stores how the run ended.
    func end(_ status: RunStatus, reason: String, failure: FailureKind? = nil, message: String? = nil) throws {
        let now = Date()
        writer.header.status = status
        writer.setProvenance(["ended_at": .string(now.ISO8601Format()), "exit_reason": .string(reason)])
        if let memory = Machine.peakMemoryBytes {
            writer.setProvenance(["peak_memory_bytes": .integer(memory)])
        }
        func store(_ body: () throws -> Void) throws {
            // A run that ends for want of space has waited for it already.
            if failure == .diskFull { try body() } else { try space(body) }
        }
        try store { try writer.commit() }
        // Whoever follows the files has all of them once the state says that the run has ended.
        live?.write(writer.tables)
        state.status = status
        state.updatedAt = now
        state.endedAt = status == .interrupted ? nil : now
        state.exitReason = reason
        state.message = message
        state.failure = failure
        state.pid = nil
        try store { try directory.save(state) }
        guard status.isFinished else { return }
        directory.checkpoints.prune(keeping: 1)
        directory.checkpoints.removeRemains()
    }
}

/// Decides which steps are told about, and predicts the time that is left from those since the last pause.
private struct StepClock {
    private var firstStep: Int
    private var start = ContinuousClock.now
    private var lastReport = ContinuousClock.now
    private var latestStep: Int

    init(firstStep: Int) {
        self.firstStep = firstStep
        latestStep = firstStep
    }

    /// Evaluations do not count as time of steps.
    mutating func restart() {
        firstStep = latestStep
        start = .now
    }

    /// Seconds left for training if it is time for a report: twice a second, and at the end.
    mutating func isDue(after record: StepRecord, of totalSteps: Int) -> Double? {
        latestStep = record.step
        let now = ContinuousClock.now
        guard now - lastReport >= .milliseconds(500) || record.step == totalSteps else { return nil }
        lastReport = now
        let perStep = ((now - start) / .seconds(1)) / Double(max(1, record.step - firstStep))
        return perStep * Double(totalSteps - record.step)
    }
}

/// Standard output as a stream of events, one JSON object a line; what of them is worth keeping goes to standard error
/// too, which is the run's log.
///
/// One thread at a time writes: `ScanProgress` while data is read, the training afterwards.
final class WorkerOutput: @unchecked Sendable {
    private var log = WorkerLog()

    func send(_ event: WorkerEvent) {
        if let text = log.line(for: event, at: Date()) {
            Console.note(text)
        }
        // A listener that is gone is no reason to stop training; the results are in the files.
        guard let line = try? event.line() else { return }
        print(line)
    }
}
