/// What kind of trouble ended or stopped a run; stored in its `state.json`.
package enum FailureKind: String, Codable, Sendable, CaseIterable {
    /// The worker died of a signal of its own making: a fault of the program or of a library.
    case crash
    /// Killed by a signal from outside.
    case killed
    /// Memory ran out: the system killed the worker, or refused it an allocation.
    case outOfMemory = "out_of_memory"
    /// The loss or the gradient was infinite or not a number.
    case nonFinite = "non_finite"
    /// There was no space left for its files.
    case diskFull = "disk_full"
    /// Its folder does not let it write.
    case notWritable = "not_writable"
    /// Its data set cannot be read.
    case data
    /// Its own files are damaged or do not belong together.
    case files
    case other = "error"

    /// Whether a further attempt could end otherwise: a resumed run takes the same steps to the same numbers, and damaged
    /// files stay damaged.
    package var isWorthRetrying: Bool { self != .nonFinite && self != .files }
}
