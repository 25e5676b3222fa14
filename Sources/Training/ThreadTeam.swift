import Dispatch

/// A number of threads that share out numbered pieces of work.
///
/// Which thread does a piece depends on the number of threads; what a piece computes must not.
package struct ThreadTeam: Sendable {
    package let threads: Int

    package init(threads: Int) {
        precondition(threads >= 1, "a team of \(threads) threads does nothing")
        self.threads = threads
    }

    /// Calls `body` with 0 ..< count, thread t taking t, t + threads, …; returns when all are done.
    package func forEach(_ count: Int, _ body: (Int) -> Void) {
        let workers = workers(for: count)
        guard workers > 1 else {
            for index in 0..<count { body(index) }
            return
        }
        // `forEach` returns only after every call of `body`, and its pieces are independent by contract.
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for index in share(of: worker, count) { body(index) }
        }
    }

    /// How many threads take part in `count` pieces.
    func workers(for count: Int) -> Int { min(threads, count) }

    /// The pieces of 0 ..< count that a thread takes, in order.
    func share(of worker: Int, _ count: Int) -> StrideTo<Int> {
        stride(from: worker, to: count, by: workers(for: count))
    }
}
