import Dispatch
import Foundation
import Synchronization

/// Numbered pieces of work, from 0. Which thread does a piece must not change what it computes.
package protocol TeamWork: AnyObject {
    func doPiece(_ index: Int, thread: Int)
}

/// A number of threads that share out numbered pieces of work.
///
/// Pieces are begun in ascending order, each by the next thread that is free; so a piece may wait for one with a smaller
/// number. The thread that calls is one of the team, with number 0; the others sleep between calls, and end with the
/// team. A call allocates nothing, unless it is given a closure.
package final class ThreadTeam: Sendable {
    package let threads: Int
    private let call = TeamCall()
    /// What wakes each of the other threads.
    private let bells: [DispatchSemaphore]

    package init(threads: Int) {
        precondition(threads >= 1, "a team of \(threads) threads does nothing")
        self.threads = threads
        bells = (1..<threads).map { _ in DispatchSemaphore(value: 0) }
        for (index, bell) in bells.enumerated() {
            Thread { [call] in
                while true {
                    bell.wait()
                    guard call.takePieces(as: index + 1) else { return }
                    call.finished.signal()
                }
            }.start()
        }
    }

    deinit {
        // Without work the threads end.
        for bell in bells { bell.signal() }
    }

    /// Does pieces 0 ..< count; returns when all are done.
    ///
    /// - Precondition: The team is not at work, not even for the thread that calls.
    package func forEach(_ count: Int, of work: any TeamWork) {
        let workers = min(threads, count)
        guard workers > 1 else {
            for index in 0..<count { work.doPiece(index, thread: 0) }
            return
        }
        call.begin(count, work)
        for index in 0..<workers - 1 { bells[index].signal() }
        _ = call.takePieces(as: 0)
        for _ in 0..<workers - 1 { call.finished.wait() }
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

/// What a team is doing. Written by the thread that calls while all others sleep; semaphores order what they see.
private final class TeamCall: @unchecked Sendable {
    let finished = DispatchSemaphore(value: 0)
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

    /// Does one piece after the other until none is left; false if there is no work at all.
    func takePieces(as thread: Int) -> Bool {
        guard let work else { return false }
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < count else { return true }
            work.doPiece(index, thread: thread)
        }
    }
}

private final class ClosureWork: TeamWork {
    private let body: (Int, Int) -> Void
    init(_ body: @escaping (Int, Int) -> Void) { self.body = body }
    func doPiece(_ index: Int, thread: Int) { body(index, thread) }
}
