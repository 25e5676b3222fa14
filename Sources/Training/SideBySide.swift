import Glibc
import Synchronization

/// The system gave no thread: mostly because there is no memory for its stack.
package struct ThreadRefused: Error, CustomStringConvertible {
    let code: Int32

    package var description: String {
        "out of memory: the system refused a thread with a stack of \(SideBySide.stackBytes >> 20) MiB "
            + "(\(unsafe String(cString: strerror(code))))"
    }
    package var remedy: String {
        "use fewer runs at once, or raise the limit of memory (ulimit -v) or processes (ulimit -u)"
    }
}

/// Work that threads of their own do at the same time, each with whatever teams it makes.
enum SideBySide {
    static let stackBytes = 16 << 20

    /// Calls `body` with 0 ..< count, each on a thread of its own; returns when all are done.
    ///
    /// Foundation's Thread does not tell where it could not start, and whoever waits for it waits for ever.
    ///
    /// - Returns: What `body` returned, by number.
    /// - Throws: `ThreadRefused`, and the first error of `body` by number.
    static func map<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
    ) throws -> [Value] {
        let jobs = (0..<count).map { number in Job { try body(number) } }
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        unsafe pthread_attr_init(attributes)
        unsafe pthread_attr_setstacksize(attributes, stackBytes)
        defer {
            unsafe pthread_attr_destroy(attributes)
            unsafe attributes.deallocate()
        }
        var threads: [pthread_t] = []
        var code: Int32 = 0
        for job in jobs {
            var thread = pthread_t()
            let argument = unsafe Unmanaged<AnyJob>.passRetained(job)
            code = unsafe pthread_create(
                &thread, attributes,
                { argument in
                    if let argument = unsafe argument {
                        unsafe Unmanaged<AnyJob>.fromOpaque(argument).takeRetainedValue().run()
                    }
                    return nil
                }, argument.toOpaque())
            guard code == 0 else {
                unsafe argument.release()
                break
            }
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        guard code == 0 else { throw ThreadRefused(code: code) }
        return try jobs.map { try $0.outcome.withLock { $0 }?.get() }.compactMap(\.self)
    }

    private class AnyJob: @unchecked Sendable {
        func run() {}
    }

    private final class Job<Value: Sendable>: AnyJob, @unchecked Sendable {
        private let body: @Sendable () throws -> Value
        let outcome = Mutex<Result<Value, any Error>?>(nil)

        init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }

        override func run() {
            let result = Result { try body() }
            outcome.withLock { $0 = result }
        }
    }
}
