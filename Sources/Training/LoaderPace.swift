import Foundation

/// Decides while a run trains how many threads prepare its images: one more wherever that makes steps come faster.
///
/// Threads of the loader and of the engine share the processor, so what counts is the rate of whole steps. Where steps wait
/// for images, spells with one thread more and with as many as now take turns; more threads stay if they gain something.
/// No result depends on the answer.
struct LoaderPace {
    /// Threads of a loader that nobody has set.
    static var mostThreads: Int { min(16, ProcessInfo.processInfo.activeProcessorCount) }
    /// Waiting for less than this share of the time is not worth a trial.
    static let tolerableShare = 0.02
    /// A thread that gains less than this is sent to sleep again.
    static let leastGain = 1.03

    /// What a spell of steps has taken.
    private struct Spell {
        var steps = 0
        var seconds = 0.0
        var waited = 0.0
        /// Steps whose images were ready before the spell are not counted.
        var skipped = 0

        mutating func add(seconds: Double, waited: Double) {
            steps += 1
            self.seconds += seconds
            self.waited += waited
        }

        mutating func add(_ other: Spell) {
            steps += other.steps
            seconds += other.seconds
            waited += other.waited
        }

        func isLong(_ least: Double) -> Bool { steps >= 8 && seconds >= least }
        var rate: Double { seconds > 0 ? Double(steps) / seconds : 0 }
    }

    /// Threads that are used now, trials included.
    var threads: Int { trial.map { $0.turn.isMultiple(of: 2) ? settled + 1 : settled } ?? settled }
    /// The answer so far.
    private(set) var settled = 1

    private struct Trial {
        /// 0 and 2 with one thread more, 1 and 3 as it is.
        var turn = 0
        var more = Spell()
        var asNow = Spell()
    }

    private let most: Int
    /// Parts that the loader holds ready.
    private let skip: Int
    private var spell = Spell()
    private var trial: Trial?
    /// Spells until the next trial; doubled with every one that was in vain.
    private var pause = 0
    private var nextPause = 16

    /// - Parameters:
    ///   - most: Threads that there may be.
    ///   - skip: Steps that the loader may be ahead.
    init(most: Int, skip: Int) {
        self.most = max(1, most)
        self.skip = skip
    }

    /// Something else than steps took its time, and the loader has caught up meanwhile.
    mutating func interrupted() { spell = Spell() }

    /// Takes note of a step: its time, and how long of it it waited for images.
    mutating func note(seconds: Double, waited: Double) {
        guard most > 1, seconds > 0 else { return }
        guard spell.skipped >= skip else { return spell.skipped += 1 }
        spell.add(seconds: seconds, waited: waited)
        guard spell.isLong(trial == nil ? 2 : 1) else { return }
        let done = spell
        spell = Spell()
        if trial != nil { return judge(done) }
        pause = max(0, pause - 1)
        if done.waited > Self.tolerableShare * done.seconds, settled < most, pause == 0 { trial = Trial() }
    }

    private mutating func judge(_ done: Spell) {
        guard var current = trial else { return }
        if current.turn.isMultiple(of: 2) { current.more.add(done) } else { current.asNow.add(done) }
        current.turn += 1
        trial = current
        guard current.turn == 4 else { return }
        trial = nil
        if current.more.rate > Self.leastGain * current.asNow.rate {
            settled += 1
            (pause, nextPause) = (0, 16)
        } else {
            pause = nextPause
            nextPause = min(2 * nextPause, 1024)
        }
    }
}
