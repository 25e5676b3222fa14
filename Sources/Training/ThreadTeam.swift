import Dispatch
import Glibc
import Synchronization

/// Numbered pieces of work, from 0, that do not depend on one another.
package protocol TeamWork: AnyObject {
    /// Called from several threads at once. Which thread does a piece must not change what it computes.
    func doPiece(_ index: Int, thread: Int)
}

/// A number of threads that share out numbered pieces of work.
///
/// Pieces are begun in ascending order, each by the next thread that is free; so a piece may wait for one with a smaller
/// number. The thread that calls is one of the team, with number 0; the others sleep between calls, and end with the
/// team. A call allocates nothing, unless it is given a closure.
package final class ThreadTeam: Sendable {
    /// As many as may work at once: fewer do where the system gives no more.
    package let threads: Int
    private let call = TeamCall()
    private let helpers: [TeamHelper]

    package init(threads: Int) {
        precondition(threads >= 1, "a team of \(threads) threads does nothing")
        self.threads = threads
        var helpers: [TeamHelper] = []
        for number in 1..<threads {
            let helper = TeamHelper(call, number: number)
            guard helper.start() else { break }
            helpers.append(helper)
        }
        self.helpers = helpers
    }

    deinit {
        call.isOver.store(true, ordering: .relaxed)
        for helper in helpers { helper.bell.signal() }
    }

    /// Does pieces 0 ..< count; returns when all are done.
    ///
    /// - Precondition: The team is not at work, not even for the thread that calls.
    package func forEach(_ count: Int, of work: any TeamWork) {
        let woken = max(0, min(helpers.count, count - 1))
        call.begin(count, work)
        for index in 0..<woken { helpers[index].bell.signal() }
        call.takePieces(as: 0)
        for _ in 0..<woken { call.finished.wait() }
        call.end()
    }

    /// Calls `body` with 0 ..< count; returns when all are done.
    package func forEach(_ count: Int, _ body: (Int) -> Void) {
        forEach(count) { index, _ in body(index) }
    }

    /// Calls `body` with 0 ..< count, and with the number of the thread, from 0; returns when all are done.
    package func forEach(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
        // No thread has the closure any more when `forEach` returns.
        withoutActuallyEscaping(body) { forEach(count, of: ClosureWork($0)) }
    }
}

/// A thread that sleeps until its bell rings.
private final class TeamHelper: Sendable {
    let bell = DispatchSemaphore(value: 0)
    private let call: TeamCall
    private let number: Int

    init(_ call: TeamCall, number: Int) { (self.call, self.number) = (call, number) }

    /// Starts the thread; false where the system has none to give. (Foundation's Thread would not tell.)
    func start() -> Bool {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<TeamHelper>.fromOpaque(argument).takeRetainedValue().work() }
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    private func work() {
        while true {
            bell.wait()
            guard !call.isOver.load(ordering: .relaxed) else { return }
            call.takePieces(as: number)
            call.finished.signal()
        }
    }
}

/// What a team is doing. The thread that calls writes it while no other looks; semaphores order what the others see.
private final class TeamCall: @unchecked Sendable {
    let finished = DispatchSemaphore(value: 0)
    let isOver = Atomic(false)
    private let isAtWork = Atomic(false)
    private let next = Atomic(0)
    private var count = 0
    private var work: (any TeamWork)?

    func begin(_ count: Int, _ work: any TeamWork) {
        let wasAtWork = isAtWork.exchange(true, ordering: .acquiring)
        precondition(!wasAtWork, "a team of threads does one thing at a time")
        (self.count, self.work) = (count, work)
        next.store(0, ordering: .relaxed)
    }

    func end() {
        work = nil
        isAtWork.store(false, ordering: .releasing)
    }

    /// Does one piece after the other until none is left.
    func takePieces(as thread: Int) {
        guard let work else { return }
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            work.doPiece(index, thread: thread)
        }
    }
}

private final class ClosureWork: TeamWork {
    private let body: (Int, Int) -> Void
    init(_ body: @escaping (Int, Int) -> Void) { self.body = body }
    func doPiece(_ index: Int, thread: Int) { body(index, thread) }
}
