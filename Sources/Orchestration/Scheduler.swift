import Foundation
import Glibc
import RunStore

/// Runs jobs as worker processes, as many at once as the planner allows, in order.
///
/// One job that fails stops no other. An interrupt reaches every worker as SIGINT and ends the scheduler once all of
/// them have written their checkpoints; a second one kills them, and so does patience that runs out.
package struct Scheduler: Sendable {
    package var command: WorkerCommand
    package var capacity: Capacity
    /// Pause before the first retry; doubled for each further one.
    package var retrySeconds: Double
    /// How often interrupts and pauses are looked at, and a `tick` is reported.
    package var tickSeconds: Double
    /// Asked before and after each worker's life.
    package var memoryKills: MemoryKills
    /// With workers that were asked to stop.
    package var patience: StopPatience

    package init(
        command: WorkerCommand, capacity: Capacity, retrySeconds: Double = 5, tickSeconds: Double = 0.1,
        memoryKills: MemoryKills = .system, patience: StopPatience = StopPatience()
    ) {
        self.command = command
        self.capacity = capacity
        self.retrySeconds = retrySeconds
        self.tickSeconds = tickSeconds
        self.memoryKills = memoryKills
        self.patience = patience
    }

    private enum Message: Sendable {
        case launched(job: Int, attempt: Int, pid: Int32)
        case event(job: Int, attempt: Int, WorkerEvent)
        case ended(job: Int, attempt: Int, WorkerExit)
        case tick
    }

    /// Runs all jobs and returns their outcomes in the jobs' order.
    ///
    /// - Parameters:
    ///   - interruptions: How often the user asked to stop so far.
    ///   - report: Called from this task, in the order in which things happen.
    package func run(
        _ jobs: [Job], interruptions: @Sendable () -> Int, report: (SchedulerEvent) -> Void
    ) async -> [JobOutcome] {
        let (messages, mailbox) = AsyncStream.makeStream(of: Message.self)
        var ledger = Ledger(
            jobs: jobs, planner: SlotPlanner(capacity: capacity), memoryKills: memoryKills, patience: patience)
        let ticker = Task { [tickSeconds] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(tickSeconds))
                mailbox.yield(.tick)
            }
        }
        defer { ticker.cancel() }
        func launchWhatFits() {
            for launch in ledger.startWhatFits(now: SteadyClock.now) {
                report(.started(job: jobs[launch.job].name, threads: launch.threads, attempt: launch.attempt))
                let (job, arguments) = (jobs[launch.job], jobs[launch.job].arguments(threads: launch.threads))
                // No child of this task, which would wait for it even where no signal can end the worker.
                Task { [command] in
                    let exit = await command.run(
                        arguments, ranks: job.ranks, logFile: job.logFile,
                        onStart: { mailbox.yield(.launched(job: launch.job, attempt: launch.attempt, pid: $0)) },
                        onEvent: { mailbox.yield(.event(job: launch.job, attempt: launch.attempt, $0)) })
                    mailbox.yield(.ended(job: launch.job, attempt: launch.attempt, exit))
                }
            }
        }
        func end(_ job: Int, with exit: WorkerExit) {
            report(ledger.end(job, with: exit, retrySeconds: retrySeconds, now: SteadyClock.now))
            launchWhatFits()
        }

        launchWhatFits()
        for await message in messages {
            if ledger.isOver { break }
            switch message {
            case .launched(let job, let attempt, let pid) where ledger.isActive(job, attempt: attempt):
                ledger.note(pid: pid, of: job)
            case .event(let job, let attempt, let event) where ledger.isActive(job, attempt: attempt):
                ledger.note(event, of: job, now: SteadyClock.now)
                report(.worker(job: jobs[job].name, event: event))
            case .ended(let job, let attempt, let exit) where ledger.isActive(job, attempt: attempt):
                end(job, with: exit)
            case .launched, .event, .ended:
                // From a worker that is waited for no longer.
                break
            case .tick:
                let level = min(interruptions(), 2)
                if level > ledger.interruptLevel {
                    ledger.interrupt(level: level, now: SteadyClock.now)
                    report(.interrupting(level: level))
                }
                for (job, exit) in ledger.endWaits(now: SteadyClock.now) { end(job, with: exit) }
                launchWhatFits()
                report(.tick)
            }
            if ledger.isOver { break }
        }
        for outcome in ledger.dropped { report(.finished(outcome)) }
        return ledger.outcomes
    }
}

extension Scheduler {
    private struct Launch {
        var job: Int
        var threads: Int
        var attempt: Int
    }

    /// Where every job stands. Knows about processes only by their ids.
    private struct Ledger {
        struct Waiting {
            var job: Int
            var notBefore: Date
        }

        struct Active {
            var reservation: SlotPlanner.Reservation
            var startedAt: Date
            var pid: Int32?
            /// Processes that the system had killed for memory when it started.
            var memoryKills: Int?
            var totalSteps = 0
            var step = 0
            /// What the worker's last line said.
            var endMessage: String?
            var pulse: WorkerPulse
            var stop: StopSignals
            /// When the next signal is due; nil: nobody has asked it to stop.
            var deadline: Date?
            /// Seconds that it was given to stop, if it was killed for not doing so.
            var exhaustedPatience: Double?
        }

        let jobs: [Job]
        let memoryKills: MemoryKills
        let patience: StopPatience
        var planner: SlotPlanner
        var waiting: [Waiting]
        var active: [Int: Active] = [:]
        var attempts: [Int]
        var seconds: [Double]
        var results: [JobOutcome?]
        var interruptLevel = 0
        /// The job whose failure stops all others.
        var culprit: String?

        init(jobs: [Job], planner: SlotPlanner, memoryKills: MemoryKills, patience: StopPatience) {
            self.jobs = jobs
            self.memoryKills = memoryKills
            self.patience = patience
            self.planner = planner
            waiting = jobs.indices.map { Waiting(job: $0, notBefore: .distantPast) }
            attempts = jobs.map { _ in 0 }
            seconds = jobs.map { _ in 0 }
            results = jobs.map { _ in nil }
        }

        var isOver: Bool { active.isEmpty && (waiting.isEmpty || interruptLevel > 0) }

        /// Jobs that an interrupt kept from starting (again).
        var dropped: [JobOutcome] {
            waiting.map { waiting in
                JobOutcome(
                    name: jobs[waiting.job].name, result: .notStarted,
                    message: (culprit.map { "\($0) failed (resources.on_failure: stop)" } ?? "interrupted")
                        + " before it \(attempts[waiting.job] > 0 ? "was tried again" : "started")",
                    attempts: attempts[waiting.job], seconds: seconds[waiting.job])
            }
        }

        var outcomes: [JobOutcome] {
            var all = results
            for (waiting, outcome) in zip(waiting, dropped) { all[waiting.job] = outcome }
            return all.compactMap { $0 }
        }

        mutating func startWhatFits(now: Date) -> [Launch] {
            guard interruptLevel == 0 else { return [] }
            let ready = waiting.filter { $0.notBefore <= now }.map(\.job)
            let reservations = planner.start(ready.map { jobs[$0].demand })
            return zip(ready, reservations).map { job, reservation in
                waiting.removeAll { $0.job == job }
                attempts[job] += 1
                active[job] = Active(
                    reservation: reservation, startedAt: now, memoryKills: memoryKills.count(),
                    pulse: WorkerPulse(startedAt: now), stop: StopSignals(ranks: jobs[job].ranks))
                return Launch(job: job, threads: reservation.threads ?? 1, attempt: attempts[job])
            }
        }

        /// Whether that attempt at a job is still waited for.
        func isActive(_ job: Int, attempt: Int) -> Bool { active[job] != nil && attempts[job] == attempt }

        mutating func note(pid: Int32, of job: Int) {
            active[job]?.pid = pid
            // It may have been starting while the interrupt came.
            active[job]?.stop.send(to: pid)
        }

        mutating func note(_ event: WorkerEvent, of job: Int, now: Date) {
            active[job]?.pulse.note(event, at: now)
            switch event {
            case .start(let totalSteps, let step, _):
                active[job]?.totalSteps = totalSteps
                active[job]?.step = step
            case .step(let report):
                active[job]?.totalSteps = report.totalSteps
                active[job]?.step = report.step
            case .end(_, let message):
                active[job]?.endMessage = message
            case .phase, .evaluation, .checkpoint, .warning:
                break
            }
        }

        /// Asks every worker to stop, at level 2 at once.
        mutating func interrupt(level: Int, now: Date) {
            interruptLevel = level
            for job in active.keys.sorted() {
                while let stop = active[job]?.stop, level > 1 ? !stop.isKilled : !stop.isAsked {
                    advance(job, now: now)
                }
            }
        }

        /// Sends a worker the next signal, and sets the time for the one after it.
        private mutating func advance(_ job: Int, now: Date) {
            guard var worker = active[job] else { return }
            worker.stop.advance()
            if let pid = worker.pid { worker.stop.send(to: pid) }
            let seconds = worker.stop.isKilled ? patience.killSeconds : worker.pulse.secondsToStop(patience)
            worker.deadline = now.addingTimeInterval(seconds)
            active[job] = worker
        }

        /// Sends what is due to workers that do not stop.
        ///
        /// - Returns: Those that no signal ends, which are waited for no longer.
        mutating func endWaits(now: Date) -> [(job: Int, exit: WorkerExit)] {
            var given: [(Int, WorkerExit)] = []
            for (job, worker) in active.sorted(by: { $0.key < $1.key }) {
                guard let deadline = worker.deadline, deadline <= now else { continue }
                if worker.stop.isExhausted {
                    let isLeft = worker.pid.map(ProcessTree.isAlive) ?? false
                    // A process that it started may still hold its output open.
                    given.append((job, isLeft ? .leftBehind(worker.pid ?? 0) : .signalled(SIGKILL)))
                    continue
                }
                if !worker.stop.isKilled { active[job]?.exhaustedPatience = worker.pulse.secondsToStop(patience) }
                advance(job, now: now)
            }
            return given
        }

        /// Frees the job's slot, settles its state on disk and decides whether it is tried again.
        mutating func end(_ job: Int, with exit: WorkerExit, retrySeconds: Double, now: Date) -> SchedulerEvent {
            guard let ended = active.removeValue(forKey: job) else {
                preconditionFailure("job \(job) ended, but \(active.keys.sorted()) are active")
            }
            planner.release(ended.reservation)
            seconds[job] += now.timeIntervalSince(ended.startedAt)
            let settlement = Settlement(
                exit: exit, endMessage: ended.endMessage,
                memoryRanOut: ended.memoryKills.map { (memoryKills.count() ?? $0) > $0 } ?? false,
                isInterrupting: interruptLevel > 0, exhaustedPatience: ended.exhaustedPatience,
                totalSteps: ended.totalSteps,
                step: ended.step, attempt: attempts[job], startedAt: ended.startedAt, endedAt: now)
            let (result, message) = settlement.apply(to: jobs[job])
            let failure = jobs[job].state?.failure
            let isRetried =
                result == .failed && attempts[job] <= jobs[job].retries && failure?.isWorthRetrying != false
            if isRetried, interruptLevel == 0 {
                let pause = retrySeconds * Double(1 << min(attempts[job] - 1, 10))
                waiting.insert(Waiting(job: job, notBefore: now.addingTimeInterval(pause)), at: 0)
                return .retrying(job: jobs[job].name, afterSeconds: pause, reason: message ?? "failed")
            }
            let outcome = JobOutcome(
                name: jobs[job].name, result: result, message: message, attempts: attempts[job], seconds: seconds[job])
            results[job] = outcome
            if result == .failed, jobs[job].stopsOthers, interruptLevel == 0 {
                culprit = jobs[job].name
                interrupt(level: 1, now: now)
            }
            return .finished(outcome)
        }
    }
}
