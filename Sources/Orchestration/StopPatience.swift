import Foundation
import Glibc

/// How long a worker that was asked to stop may take before it is killed, so that every wait for one has an end.
package struct StopPatience: Sendable {
    /// For its start, or for its step and the checkpoint after it, seconds. A worker whose steps take long gets twice the
    /// longest that it has been silent between two of them.
    package var stepSeconds: Double
    /// The same for an evaluation and other work that is announced as a phase.
    package var phaseSeconds: Double
    /// For a process that was killed to be gone, seconds.
    package var killSeconds: Double

    package init(stepSeconds: Double = 60, phaseSeconds: Double = 600, killSeconds: Double = 10) {
        self.stepSeconds = stepSeconds
        self.phaseSeconds = phaseSeconds
        self.killSeconds = killSeconds
    }
}

/// What a worker's messages tell of how long it may be silent while all is well.
struct WorkerPulse {
    private var lastHeard: Date
    private var isInPhase = false
    private var longestStep = 0.0
    private var longestPhase = 0.0

    init(startedAt: Date) { lastHeard = startedAt }

    mutating func note(_ event: WorkerEvent, at now: Date) {
        let silence = now.timeIntervalSince(lastHeard)
        lastHeard = now
        if isInPhase { longestPhase = max(longestPhase, silence) } else { longestStep = max(longestStep, silence) }
        switch event {
        case .phase(let name): isInPhase = name != "training"
        case .step: isInPhase = false
        case .start, .evaluation, .checkpoint, .warning, .end: break
        }
    }

    /// Seconds that it gets to stop.
    func secondsToStop(_ patience: StopPatience) -> Double {
        isInPhase
            ? max(patience.phaseSeconds, 2 * longestPhase) : max(patience.stepSeconds, 2 * longestStep)
    }
}

/// The signals that stop a worker: each is sent where the one before it had no effect in time.
struct StopSignals {
    private let numbers: [Int32]
    /// How many were sent, or would have been to a process whose id is not known yet.
    private var sent = 0

    /// SIGINT and then SIGKILL. mpirun would take SIGINT as a wish to kill its processes, and SIGKILL would leave them
    /// behind: SIGUSR1 it passes on, and SIGTERM kills them all.
    init(ranks: Int) { numbers = ranks == 1 ? [SIGINT, SIGKILL] : [SIGUSR1, SIGTERM, SIGKILL] }

    /// Whether it was asked to stop, in whatever tone.
    var isAsked: Bool { sent > 0 }
    /// Whether it was told to end at once.
    var isKilled: Bool { sent > 1 }
    var isExhausted: Bool { sent == numbers.count }

    /// Goes on to the next signal.
    mutating func advance() { sent = min(sent + 1, numbers.count) }

    /// Sends the latest one to a worker and whatever it started.
    func send(to pid: Int32) {
        guard sent > 0 else { return }
        let number = numbers[sent - 1]
        // Processes that mpirun started are in groups of their own.
        if number == SIGKILL, numbers.count > 2 { ProcessTree.descendants(of: pid).forEach { kill($0, number) } }
        kill(-pid, number)
    }
}

/// Who started whom, as the kernel tells it.
enum ProcessTree {
    /// Children of a process, their children, and so on.
    static func descendants(of pid: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let parents = names.compactMap { Int32($0) }.compactMap { id in entry(of: id).map { (id, $0.parent) } }
        let children = Dictionary(grouping: parents) { $0.1 }.mapValues { $0.map(\.0) }
        var found: [Int32] = []
        var next = children[pid] ?? []
        while let id = next.popLast() {
            found.append(id)
            next += children[id] ?? []
        }
        return found
    }

    /// Whether a process is there and has not ended, reaped or not.
    static func isAlive(_ pid: Int32) -> Bool { entry(of: pid).map { $0.state != "Z" && $0.state != "X" } ?? false }

    /// "12 (name) S 1 …": the name may hold spaces and brackets.
    private static func entry(of pid: Int32) -> (state: String, parent: Int32)? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 1, let parent = Int32(fields[1]) else { return nil }
        return (String(fields[0]), parent)
    }
}
