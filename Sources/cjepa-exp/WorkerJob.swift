import CPUKernels
import Datasets
import ExperimentSpec
import Foundation
import Glibc
import Orchestration
import RunStore
import Safetensors
import Training

/// The training of one run from its folder.
struct WorkerJob {
    let directory: RunDirectory
    let threads: Int
    /// The process that started this one.
    let parent: pid_t
    /// The processes that train the run together; this one is rank 0.
    var communicator: any Communicator = SingleProcess()

    /// - Returns: done, interrupted or failed; all three are stored, and told with an `end` event.
    func run() -> RunStatus {
        let output = WorkerOutput()
        var hash: String?
        do {
            let plan = try directory.loadPlan()
            hash = plan.run.configurationHash
            try plan.check(file: directory.planFile)
            var state = try startedState(totalSteps: plan.run.configuration.training.steps ?? 0)
            try directory.save(state)
            let files = try WorkerFiles(directory, plan: plan) { warning in
                report("warning: \(warning)")
                output.send(.warning(warning))
            }
            state.step = files.checkpoint?.step ?? 0
            try directory.save(state)
            let status = try run(plan, state, files, output)
            output.send(.end(status: status, message: nil))
            return status
        } catch {
            let failure = WorkerFailure(error, in: directory, hash: hash)
            // Space can be made; nothing is wrong with the run.
            let status: RunStatus = failure.kind == .diskFull ? .interrupted : .failed
            report("error: \(failure.message)")
            save(failure, as: status)
            output.send(.end(status: status, message: failure.message))
            return status
        }
    }

    /// Whether it is to stop. A worker that outlives whoever started it would train unseen, so it stops as if asked to.
    private func shouldStop() -> Bool { InterruptSignals.count > 0 || getppid() != parent }

    private func spaceWait(_ output: WorkerOutput) -> SpaceWait {
        SpaceWait(
            shouldStop: shouldStop,
            willWait: { error in
                let text =
                    "paused: \(error.path): no space left on the disk; earlier files are intact. It resumes by "
                    + "itself once there is space: \(error.remedy)"
                report(text)
                output.send(.warning(text))
                output.send(.phase(name: "waiting for space on the disk"))
            },
            didWait: {
                report("there is space again; the run continues")
                output.send(.warning("there is space again; the run continues"))
                output.send(.phase(name: "training"))
            },
            sleep: { usleep(UInt32($0 * 1e6)) })
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
                plan: plan, backend: backend.summary, threads: threads, ranks: communicator.count,
                startedAt: state.startedAt,
                attempt: state.attempts))
        let reporter = RunReporter(
            directory: directory, run: plan.run, writer: writer, state: state, output: output,
            space: spaceWait(output))
        do {
            let ending = try train(plan.run.configuration, backend, files, reporter, output)
            let (status, reason): (RunStatus, String) =
                switch ending {
                case .completed: (.done, "completed")
                case .interrupted:
                    (
                        .interrupted,
                        InterruptSignals.latestName.map { "signal \($0)" }
                            ?? (getppid() == parent
                                ? "another rank was asked to stop" : "the process that started it is gone")
                    )
                case .collapsed: (.collapsed, "features collapsed by step \(reporter.step)")
                }
            try reporter.end(status, reason: reason)
            return status
        } catch {
            do {
                let failure = WorkerFailure(error, in: directory, hash: plan.run.configurationHash)
                try reporter.end(
                    failure.kind == .diskFull ? .interrupted : .failed, reason: failure.reason, failure: failure.kind,
                    message: failure.message)
            } catch {
                report("the results cannot be stored: \(error)")
            }
            throw error
        }
    }

    private func train(
        _ configuration: RunConfiguration, _ backend: CPUBackend, _ files: WorkerFiles, _ reporter: RunReporter,
        _ output: WorkerOutput
    ) throws -> Trainer<CPUBackend>.Ending {
        let data = try DatasetSplits.load(configuration, progress: ScanProgress(output).report)
        let fingerprints = try data.fingerprints
        try files.check(fingerprints, of: data.train.name)
        files.writer.setProvenance(["dataset": .string(data.train.name)])
        files.writer.setProvenance(fingerprints.mapValues { .string($0) })
        if let names = data.classNames { files.writer.setClassNames(names, order: configuration.classOrder) }
        if !data.skipped.isEmpty {
            let lines = data.skipped.map { "\($0.name)\t\($0.problem)".replacing("\n", with: "\\n") + "\n" }
            try AtomicFile.write(Data(lines.joined().utf8), to: directory.skippedImagesFile)
        }
        let trainer = try Trainer(
            configuration, data: data, backend: backend, threads: threads, recorder: reporter,
            communicator: communicator,
            initial: InitialEvaluations(
                directory: (directory.path as NSString).deletingLastPathComponent,
                origin: [Self.programIdentity, backend.summary]
                    + fingerprints.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }))
        if let checkpoint = files.checkpoint {
            try trainer.resume(
                fromStep: checkpoint.step, tensors: checkpoint.tensors, counters: checkpoint.metadata)
        }
        output.send(
            .start(
                totalSteps: trainer.settings.totalSteps, step: trainer.state.step,
                parameters: trainer.settings.networks.parameterCount))
        return try trainer.run(shouldStop: shouldStop)
    }

    /// What tells this build of the program from others: another one may compute differently.
    private static var programIdentity: String {
        let path = "/proc/self/exe"
        let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? path
        let attributes = (try? FileManager.default.attributesOfItem(atPath: target)) ?? [:]
        let written = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return "\(attributes[.size] ?? 0) \(written)"
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
    private func save(_ failure: WorkerFailure, as status: RunStatus) {
        let now = Date()
        var state = RunState(
            status: .failed, totalSteps: 0, attempts: 1, host: Machine.hostName, startedAt: now, updatedAt: now)
        do {
            if let stored = try directory.loadState() { state = stored }
        } catch {
            report("\(error); a new one is written")
        }
        state.status = status
        state.pid = nil
        state.exitReason = failure.reason
        state.message = failure.message
        state.failure = failure.kind
        state.updatedAt = now
        state.endedAt = status == .interrupted ? nil : now
        do {
            try directory.save(state)
        } catch {
            report("the failure cannot be stored: \(error)")
        }
    }

    private func report(_ text: String) {
        // The log may lie on a full disk.
        Console.note("\(directory.name): \(text)")
    }
}
