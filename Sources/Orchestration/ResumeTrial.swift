import ExperimentSpec
import Foundation
import Glibc
package import RunStore
import Synchronization

/// Trains one run twice, once unbroken and once killed again and again, and compares what they leave behind.
package struct ResumeTrial: Sendable {
    package var command: WorkerCommand
    package var plan: RunPlan
    /// Scratch; both runs lie in folders of their own below it.
    package var folder: String
    package var kills: Int
    /// Of the moments, and of the numbers of threads.
    package var seed: UInt64
    /// Most compute threads; the unbroken run has these, each attempt of the other one a number up to that.
    package var threads: Int
    /// No further kill after so many seconds; none: all of them.
    package var seconds: Double?

    package init(
        command: WorkerCommand, plan: RunPlan, folder: String, kills: Int, seed: UInt64, threads: Int,
        seconds: Double? = nil
    ) {
        precondition(kills >= 0 && threads >= 1, "\(kills) kills, \(threads) threads")
        self.command = command
        self.plan = plan
        self.folder = folder
        self.kills = kills
        self.seed = seed
        self.threads = threads
        self.seconds = seconds
    }

    package struct Kill: Encodable, Sendable {
        /// Step of the newest checkpoint on disk; none where there was none yet.
        package var checkpoint: Int?
        /// Compute and loader threads of the attempt.
        package var threads: Int
        package var loaderThreads: Int
        /// What was wrong with the files; nothing may be.
        package var problems: [String]
    }

    package struct Result: Encodable, Sendable {
        package var name: String
        package var steps: Int
        package var checkpointSteps: Int
        package var kills: [Kill]
        /// Tensors and datasets that were compared.
        package var weights: Int
        package var datasets: Int
        /// One checksum over all of them, of the unbroken run.
        package var weightsXxh64: String
        package var datasetsXxh64: String
        /// What differs; nothing may.
        package var differences: [String]
        /// Columns that hold wall-clock times and are not compared.
        package var excluded: [String]
        package var unbrokenSeconds: Double
        package var brokenSeconds: Double

        /// Nothing differs, and the files were whole after every kill.
        package var isIdentical: Bool { differences.isEmpty && kills.allSatisfy(\.problems.isEmpty) }
    }

    /// - Throws: `OrchestrationError` where a worker fails by itself; the store's errors.
    package func run(report: (String) -> Void) async throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let unbroken = try prepare("unbroken", checkpointSteps: nil)
        let whole = await attempt(unbroken, threads: threads, kill: .never)
        try expectDone(whole, unbroken)
        let middle = clock.now
        let steps = plan.run.configuration.training.steps ?? 1
        let interval = plan.run.configuration.resources.checkpointSteps ?? max(1, steps / (4 * (kills + 1)))
        report(
            String(format: "uninterrupted in %.1f s; now with a checkpoint every %d steps", seconds(start), interval))

        let broken = try prepare("broken", checkpointSteps: interval)
        // How long one interval takes, with its share of everything else.
        let intervalSeconds = max(0.001, whole.trainingSeconds * Double(interval) / Double(steps))
        var random = SplitMix64(seed: seed)
        let targets = (0..<kills).map { _ in Int.random(in: 0..<max(1, steps), using: &random) }.sorted()
        var made: [Kill] = []
        var isDone = false
        for (index, target) in targets.enumerated() {
            if let limit = self.seconds, clock.now - middle > .seconds(limit) { break }
            let moment: Moment =
                Int.random(in: 0..<8, using: &random) == 0
                ? .afterLaunch(Double.random(in: 0...whole.startupSeconds, using: &random))
                : .afterCheckpoint(target, Double.random(in: 0...1.2 * intervalSeconds, using: &random))
            let compute = Int.random(in: 1...threads, using: &random)
            let loaders = Int.random(in: 1...4, using: &random)
            try save(in: broken, checkpointSteps: interval, loaderThreads: loaders)
            let ended = await attempt(broken, threads: compute, kill: moment)
            guard ended.exit == .signalled(SIGKILL) else {
                try expectDone(ended, broken)
                isDone = true
                break
            }
            let found = RunIntegrity(
                of: broken, hash: plan.run.configurationHash, announced: ended.announcedCheckpoint)
            made.append(
                Kill(
                    checkpoint: found.checkpoint, threads: compute, loaderThreads: loaders, problems: found.problems))
            for problem in found.problems { report("after kill \(index + 1): \(problem)") }
        }
        if !isDone { try expectDone(await attempt(broken, threads: threads, kill: .never), broken) }

        let (expected, found) = (try RunFingerprint(of: unbroken), try RunFingerprint(of: broken))
        return Result(
            name: plan.run.name, steps: steps, checkpointSteps: interval, kills: made, weights: expected.weights.count,
            datasets: expected.datasets.count, weightsXxh64: expected.weightsChecksum,
            datasetsXxh64: expected.datasetsChecksum, differences: found.differences(from: expected),
            excluded: expected.excluded, unbrokenSeconds: (middle - start) / .seconds(1),
            brokenSeconds: seconds(middle))
    }

    private func seconds(_ start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }

    private func prepare(_ name: String, checkpointSteps: Int?) throws -> RunDirectory {
        let directory = RunDirectory(path: "\(folder)/\(name)/\(plan.run.directoryName)")
        try directory.create()
        try save(in: directory, checkpointSteps: checkpointSteps, loaderThreads: nil)
        return directory
    }

    /// Only keys that no result may depend on differ from the spec.
    private func save(in directory: RunDirectory, checkpointSteps: Int?, loaderThreads: Int?) throws {
        var plan = plan
        if let checkpointSteps { plan.run.configuration.resources.checkpointSteps = checkpointSteps }
        if let loaderThreads { plan.run.configuration.resources.loaderThreads = loaderThreads }
        try directory.save(plan)
    }

    private func expectDone(_ attempt: Attempt, _ directory: RunDirectory) throws {
        let status = try directory.loadState()?.status
        guard attempt.exit == .exited(0), status?.isFinished == true else {
            let log = LogTail.lines(of: directory.logFile, count: 4).joined(separator: "\n    | ")
            throw OrchestrationError(
                .system, path: directory.path,
                message: "a worker ended without being stopped (\(attempt.exit), state "
                    + "\(status?.rawValue ?? "none"))" + (log.isEmpty ? "" : "\n    | \(log)"),
                remedy: "make the spec run with `cjepa-exp run` first")
        }
    }

    // MARK: One attempt

    private enum Moment: Sendable {
        case never
        case afterLaunch(Double)
        /// So many seconds after a checkpoint of this step or a later one, stored or gone on from.
        case afterCheckpoint(Int, Double)
    }

    private struct Attempt: Sendable {
        var exit: WorkerExit
        /// From the launch to the event `start`, and from there to the end.
        var startupSeconds: Double
        var trainingSeconds: Double
        var announcedCheckpoint: Int?
    }

    /// What the two ends of a worker's life know of each other.
    private struct Watch: Sendable {
        var pid: Int32?
        var isArmed = false
        var startedAt: ContinuousClock.Instant?
        var announcedCheckpoint: Int?
        var hasEnded = false
    }

    private func attempt(_ directory: RunDirectory, threads: Int, kill moment: Moment) async -> Attempt {
        let watch = WatchBox()
        @Sendable func arm(after seconds: Double) {
            let isFirst = watch.state.withLock { state in
                defer { state.isArmed = true }
                return !state.isArmed
            }
            guard isFirst else { return }
            Thread.detachNewThread {
                usleep(UInt32(min(seconds, 4000) * 1e6))
                // Never to a process that has ended: its number may be another's by now.
                watch.state.withLock { state in
                    if let pid = state.pid, !state.hasEnded { _ = kill(-pid, SIGKILL) }
                }
            }
        }
        @Sendable func note(checkpoint step: Int) {
            if case .afterCheckpoint(let target, let seconds) = moment, step >= target { arm(after: seconds) }
        }
        let launch = ContinuousClock.now
        let exit = await command.run(
            [directory.path, "--threads", "\(threads)"], logFile: directory.logFile,
            onStart: { pid in
                watch.state.withLock { $0.pid = pid }
                if case .afterLaunch(let seconds) = moment { arm(after: seconds) }
            },
            onEvent: { event in
                switch event {
                case .start(_, let step, _):
                    watch.state.withLock { $0.startedAt = .now }
                    // Before the initialisation is stored there is no checkpoint to go on from, of step 0 neither.
                    if step > 0 { note(checkpoint: step) }
                case .checkpoint(let step):
                    watch.state.withLock { $0.announcedCheckpoint = step }
                    note(checkpoint: step)
                case .end:
                    // From here on the process may be gone at any moment.
                    break
                default: break
                }
            })
        let ended = watch.state.withLock { state in
            state.hasEnded = true
            return state
        }
        let started = ended.startedAt ?? launch
        return Attempt(
            exit: exit, startupSeconds: (started - launch) / .seconds(1),
            trainingSeconds: (ContinuousClock.now - started) / .seconds(1),
            announcedCheckpoint: ended.announcedCheckpoint)
    }

    private final class WatchBox: Sendable {
        let state = Mutex(Watch())
    }
}

/// A small generator of random numbers whose sequence a seed decides: Steele, Lea and Flood, 2014.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
