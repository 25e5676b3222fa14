import CPUKernels
import Datasets
import ExperimentSpec
import Foundation
import Glibc
import Orchestration
import RunStore
import Training

/// The training of one run from its folder.
struct WorkerJob {
    let directory: RunDirectory
    let threads: Int
    /// The process that started this one.
    let parent: pid_t

    /// - Returns: done, interrupted or failed; all three are stored, and told with an `end` event.
    func run() -> RunStatus {
        let output = WorkerOutput()
        do {
            let plan = try directory.loadPlan()
            var state = try startedState(totalSteps: plan.run.configuration.training.steps ?? 0)
            try directory.save(state)
            let files = try WorkerFiles(directory, plan: plan)
            state.step = files.checkpoint?.step ?? 0
            try directory.save(state)
            let status = try run(plan, state, files, output)
            output.send(.end(status: status, message: nil))
            return status
        } catch {
            let message = "\(error)"
            report("error: \(message)")
            saveFailure(message)
            output.send(.end(status: .failed, message: message))
            return .failed
        }
    }

    /// Trains and stores how that ended; a failure is stored with what was measured, and thrown.
    private func run(
        _ plan: RunPlan, _ state: RunState, _ files: WorkerFiles, _ output: WorkerOutput
    ) throws -> RunStatus {
        let backend = CPUBackend(for: plan.run.configuration)
        let writer = files.writer
        writer.header.status = .running
        writer.setProvenance(
            Provenance.entries(
                plan: plan, backend: backend.summary, threads: threads, startedAt: state.startedAt,
                attempt: state.attempts))
        let reporter = RunReporter(
            directory: directory, hash: plan.run.configurationHash, writer: writer, state: state, output: output)
        do {
            let ending = try train(plan.run.configuration, backend, files, reporter, output)
            let status: RunStatus = ending == .completed ? .done : .interrupted
            try reporter.end(status, reason: ending == .completed ? "completed" : "stopped on request")
            return status
        } catch {
            do {
                try reporter.end(.failed, reason: "error", message: "\(error)")
            } catch {
                report("what was measured cannot be stored: \(error)")
            }
            throw error
        }
    }

    private func train(
        _ configuration: RunConfiguration, _ backend: CPUBackend, _ files: WorkerFiles, _ reporter: RunReporter,
        _ output: WorkerOutput
    ) throws -> Trainer<CPUBackend>.Ending {
        let data = try DatasetSplits.load(configuration.data, folder: configuration.data.folder)
        let fingerprints = [
            "dataset_train_fingerprint": data.train.fingerprint, "dataset_test_fingerprint": data.test.fingerprint,
        ]
        try files.check(fingerprints, of: data.train.name)
        files.writer.setProvenance(["dataset": .string(data.train.name)])
        files.writer.setProvenance(fingerprints.mapValues { .string($0) })
        let trainer = try Trainer(
            configuration, data: data, backend: backend, threads: threads, recorder: reporter)
        if let checkpoint = files.checkpoint {
            try trainer.resume(fromStep: checkpoint.step, tensors: checkpoint.tensors)
        }
        output.send(
            .start(
                totalSteps: trainer.settings.totalSteps, step: trainer.state.step,
                parameters: trainer.settings.networks.parameterCount))
        // A worker that outlives whoever started it would train unseen, so it stops as if asked to.
        return try trainer.run { InterruptSignals.count > 0 || getppid() != parent }
    }

    /// The state of a run that begins or goes on.
    private func startedState(totalSteps: Int) throws -> RunState {
        let now = Date()
        let earlier = try directory.loadState()
        var state = RunState(
            status: .running, step: earlier?.step ?? 0, totalSteps: totalSteps, attempts: (earlier?.attempts ?? 0) + 1,
            pid: ProcessInfo.processInfo.processIdentifier, host: Machine.hostName,
            startedAt: earlier?.startedAt ?? now, updatedAt: now)
        state.metrics = earlier?.metrics ?? [:]
        return state
    }

    /// Makes the stored state say that the run failed, also where its files could not be opened at all.
    private func saveFailure(_ message: String) {
        let now = Date()
        var state = RunState(
            status: .failed, totalSteps: 0, attempts: 1, host: Machine.hostName, startedAt: now, updatedAt: now)
        do {
            if let stored = try directory.loadState() { state = stored }
        } catch {
            report("\(error); a new one is written")
        }
        state.status = .failed
        state.pid = nil
        state.exitReason = "error"
        state.message = message
        state.updatedAt = now
        state.endedAt = now
        do {
            try directory.save(state)
        } catch {
            report("the failure cannot be stored: \(error)")
        }
    }

    private func report(_ text: String) {
        FileHandle.standardError.write(Data("\(directory.name): \(text)\n".utf8))
    }
}
