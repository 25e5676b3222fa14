import Glibc

/// The threads with which swift-subprocess watches the processes that it starts.
///
/// It makes them with the first process, and waits for ever where the system refuses one of them, as it does where
/// `ulimit -v` or `ulimit -u` is low. So every start asks here first.
enum SubprocessThreads {
    /// No thread is to be had.
    struct Refused: Error, CustomStringConvertible {
        let code: Int32

        var description: String {
            "the system refuses a thread to watch it with (\(String(cString: strerror(code)))): raise the limit of "
                + "memory (ulimit -v) or of processes (ulimit -u)"
        }
    }

    /// Its three, and one for what else starts with the first process.
    private static let count = 4

    /// Asked once: the C library keeps the stacks of the threads that this makes for those that follow.
    private static let refusal = probe()

    /// - Throws: `Refused` where the threads cannot be made.
    static func require() throws(Refused) {
        if let refusal { throw refusal }
    }

    /// Makes as many threads as are needed, all there at once, and lets them end.
    private static func probe() -> Refused? {
        let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        pthread_mutex_init(gate, nil)
        pthread_mutex_lock(gate)
        var threads: [pthread_t] = []
        var refusal: Refused?
        while threads.count < count, refusal == nil {
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { gate in
                    let gate = gate?.assumingMemoryBound(to: pthread_mutex_t.self)
                    if let gate {
                        pthread_mutex_lock(gate)
                        pthread_mutex_unlock(gate)
                    }
                    return nil
                }, gate)
            if code == 0 { threads.append(thread) } else { refusal = Refused(code: code) }
        }
        pthread_mutex_unlock(gate)
        for thread in threads { pthread_join(thread, nil) }
        pthread_mutex_destroy(gate)
        gate.deallocate()
        return refusal
    }
}
