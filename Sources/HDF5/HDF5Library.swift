import CHDF5
import Foundation

/// The C library: set up once, entered by one thread at a time.
///
/// Distributions build it with and without thread safety, so nothing here relies on it.
enum HDF5Library {
    /// Recursive, because handles are closed wherever their last owner goes, also inside a call.
    private static let lock = NSRecursiveLock()

    /// Whether the library opened and took the zstd filter.
    private static let isReady: Bool = {
        guard H5open() >= 0 else { return false }
        return ZstdFilter.register()
    }()

    /// Runs `body` while no other thread is in the library.
    static func serialized<Result>(_ body: () throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        precondition(isReady, "the HDF5 library cannot be initialised: its installation is broken")
        // Thread-safe builds keep one error stack per thread, so printing is silenced on each.
        _ = H5Eset_auto2(chdf5_error_stack(), nil, nil)
        return try body()
    }

    /// What went wrong in the last call, outermost function first; empties the library's stack.
    static func takeErrorStack() -> [String] {
        var messages: [String] = []
        unsafe withUnsafeMutablePointer(to: &messages) { context in
            _ = unsafe H5Ewalk2(
                chdf5_error_stack(), H5E_WALK_DOWNWARD,
                { _, error, context in
                    guard let error = unsafe error?.pointee, let context = unsafe context else { return 0 }
                    let messages = unsafe context.assumingMemoryBound(to: [String].self)
                    if let text = unsafe error.desc, let function = unsafe error.func_name {
                        let (text, function) = unsafe (String(cString: text), String(cString: function))
                        if !text.isEmpty { unsafe messages.pointee.append("\(text) (\(function))") }
                    }
                    return 0
                }, UnsafeMutableRawPointer(context))
        }
        _ = H5Eclear2(chdf5_error_stack())
        return messages
    }
}
