import Synchronization
import TensorCore

/// Memory for operations that are given none: as many pieces as threads have used at once, kept for the next call.
final class BF16Scratch: Sendable {
    private let pieces = Mutex<[HostBuffer<UInt16>]>([])

    /// Calls `body` with at least that many elements, not defined.
    func with<Result>(_ elements: Int, _ body: (UnsafeMutablePointer<UInt16>) -> Result) -> Result {
        let piece = pieces.withLock { $0.popLast() }
        let memory = piece.flatMap { $0.count >= elements ? $0 : nil } ?? HostBuffer(count: elements)
        defer { pieces.withLock { $0.append(memory) } }
        return body(memory.pointer)
    }
}
