import Dispatch
import Synchronization

/// A number of threads that share out numbered pieces of work.
///
/// Pieces are begun in ascending order, each by the next thread that is free; so a piece may wait for one with a smaller
/// number. Which thread does a piece must not change what it computes.
package struct ThreadTeam: Sendable {
    package let threads: Int

    package init(threads: Int) {
        precondition(threads >= 1, "a team of \(threads) threads does nothing")
        self.threads = threads
    }

    /// Calls `body` with 0 ..< count; returns when all are done.
    package func forEach(_ count: Int, _ body: (Int) -> Void) {
        forEach(count) { index, _ in body(index) }
    }

    /// Calls `body` with 0 ..< count, and with the number of the thread, from 0; returns when all are done.
    package func forEach(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
        let workers = min(threads, count)
        guard workers > 1 else {
            for index in 0..<count { body(index, 0) }
            return
        }
        // `forEach` returns only after every call of `body`, and its pieces are independent by contract.
        nonisolated(unsafe) let body = body
        let next = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                body(index, worker)
            }
        }
    }
}
