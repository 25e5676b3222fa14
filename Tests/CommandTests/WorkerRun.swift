import ExperimentSpec
import Foundation
import Glibc
import RunStore
import Testing

@testable import cjepa_exp

/// A run of the smoke experiment in a folder of its own, for tests that start its worker themselves.
struct WorkerRun {
    let directory: RunDirectory
    let plan: RunPlan

    /// Writes the plan of an arm.
    init(in folder: TemporaryFolder, name: String = "runs", arm: String = "ijepa", set overrides: [String] = []) throws
    {
        let experiment = try loadSpec(
            Program.repository + "/" + SmokeRun.spec, overrides: overrides, only: [arm])
        let run = try #require(experiment.runs.first)
        plan = RunPlan(
            experiment: experiment.name, question: "", baseline: experiment.baseline, specPath: "", run: run)
        directory = RunDirectory(path: "\(folder.path)/\(name)/\(run.directoryName)")
        try directory.save(plan)
    }

    func start(
        threads: Int = 1, environment: [String: String] = [:],
        whileRunning: (_ process: Process, _ errorFile: String) throws -> Void = { _, _ in }
    ) throws -> Program {
        try Program.run(
            ["worker", directory.path, "--threads", "\(threads)"],
            environment: workerEnvironment().merging(environment) { $1 }, whileRunning: whileRunning)
    }

    var state: RunState? { try? directory.loadState() }

    /// Waits until the run has stored a checkpoint of that step or a later one, or its process is gone.
    func waitForCheckpoint(of step: Int, _ process: Process) {
        waitUntil(process) { (directory.checkpoints.entries.last?.step ?? -1) >= step }
    }
}

/// Waits for a condition while a process runs, a minute at most.
func waitUntil(_ process: Process, _ condition: () throws -> Bool) rethrows {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline, process.isRunning, try !condition() { usleep(10_000) }
}
