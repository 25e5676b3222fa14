/// The processes that train one run together; each calls the same operations in the same order.
///
/// An operation that cannot be done (a process died, the network is gone) ends the process: there is nothing to go on
/// from but the checkpoint.
package protocol Communicator: AnyObject {
    /// This process's number, from 0; number 0 stores what the run gives.
    var rank: Int { get }
    /// Number of processes.
    var count: Int { get }
    /// Everyone's bytes, in the order of ranks; each may give another number of them.
    func gather(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]]
    func send(_ bytes: UnsafeRawBufferPointer, to rank: Int)
    func receive(into bytes: UnsafeMutableRawBufferPointer, from rank: Int)
    /// Replaces everyone's bytes by those of a rank.
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int)
    /// Returns once all have called it; takes no processor time while it waits.
    func waitForAll()
}

/// A process that trains alone.
package final class SingleProcess: Communicator {
    package init() {}
    package var rank: Int { 0 }
    package var count: Int { 1 }
    package func gather(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] { [Array(bytes)] }
    package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) { preconditionFailure("no rank \(rank)") }
    package func receive(into bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
        preconditionFailure("no rank \(rank)")
    }
    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {}
    package func waitForAll() {}
}

extension Communicator {
    /// Everyone's values, in the order of ranks.
    func gather<Value: BitwiseCopyable>(_ values: [Value]) -> [[Value]] {
        guard count > 1 else { return [values] }
        return values.withUnsafeBytes { gather($0) }.map { bytes in
            bytes.withUnsafeBytes { raw in
                [Value](unsafeUninitializedCapacity: raw.count / MemoryLayout<Value>.stride) { place, filled in
                    UnsafeMutableRawBufferPointer(place).copyMemory(from: raw)
                    filled = place.count
                }
            }
        }
    }

    func send<Value: BitwiseCopyable>(_ values: [Value], to rank: Int) {
        values.withUnsafeBytes { send($0, to: rank) }
    }

    func receive<Value: BitwiseCopyable>(_ count: Int, of type: Value.Type, from rank: Int) -> [Value] {
        [Value](unsafeUninitializedCapacity: count) { place, filled in
            let exact = UnsafeMutableBufferPointer(rebasing: place[0..<count])
            receive(into: UnsafeMutableRawBufferPointer(exact), from: rank)
            filled = count
        }
    }

    /// The values that a rank has; all give equally many.
    func broadcast<Value: BitwiseCopyable>(_ values: [Value], from rank: Int) -> [Value] {
        guard count > 1 else { return values }
        var values = values
        values.withUnsafeMutableBytes { broadcast($0, from: rank) }
        return values
    }

    /// Whether it holds on any rank.
    func any(_ isTrue: Bool) -> Bool {
        gather([isTrue ? 1 : 0] as [UInt8]).contains { $0 == [1] }
    }

    /// Whether all ranks give the same values.
    func agree<Value: BitwiseCopyable & Equatable>(_ values: [Value]) -> Bool {
        gather(values).allSatisfy { $0 == values }
    }
}
