import Foundation
import Training

/// Ranks that are threads of this process.
final class ThreadCommunicator: Communicator, @unchecked Sendable {
    /// What was sent and not received yet, by sender and receiver.
    private final class Mail: @unchecked Sendable {
        private let condition = NSCondition()
        private var boxes: [[Int]: [[UInt8]]] = [:]

        func put(_ bytes: [UInt8], _ address: [Int]) {
            condition.lock()
            boxes[address, default: []].append(bytes)
            condition.broadcast()
            condition.unlock()
        }

        func take(_ address: [Int]) -> [UInt8] {
            condition.lock()
            defer { condition.unlock() }
            while boxes[address]?.isEmpty ?? true { condition.wait() }
            return boxes[address]?.removeFirst() ?? []
        }
    }

    let rank: Int
    let count: Int
    private let mail: Mail

    private init(rank: Int, count: Int, mail: Mail) {
        (self.rank, self.count, self.mail) = (rank, count, mail)
    }

    /// Runs `body` once for each rank, on as many threads, and returns what they gave in the order of ranks.
    static func run<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (ThreadCommunicator) throws -> Result
    ) throws -> [Result] {
        let mail = Mail()
        let results = Results<Result>()
        let group = DispatchGroup()
        for rank in 0..<count {
            group.enter()
            let thread = Thread {
                results.note(rank, Swift.Result { try body(ThreadCommunicator(rank: rank, count: count, mail: mail)) })
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        return try results.inOrder()
    }

    private final class Results<Value: Sendable>: @unchecked Sendable {
        private let lock = NSLock()
        private var byRank: [Int: Result<Value, any Error>] = [:]

        func note(_ rank: Int, _ result: Result<Value, any Error>) {
            lock.lock()
            byRank[rank] = result
            lock.unlock()
        }

        func inOrder() throws -> [Value] {
            lock.lock()
            defer { lock.unlock() }
            return try byRank.sorted { $0.key < $1.key }.map { try $0.value.get() }
        }
    }

    func gather(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
        for other in 0..<count { mail.put(Array(bytes), [rank, other, 1]) }
        return (0..<count).map { mail.take([$0, rank, 1]) }
    }

    func send(_ bytes: UnsafeRawBufferPointer, to other: Int) { mail.put(Array(bytes), [rank, other, 0]) }

    func receive(into bytes: UnsafeMutableRawBufferPointer, from other: Int) {
        let message = mail.take([other, rank, 0])
        precondition(message.count == bytes.count, "\(message.count) bytes for \(bytes.count)")
        bytes.copyBytes(from: message)
    }

    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) {
        if rank == root {
            for other in 0..<count where other != root { mail.put(Array(bytes), [root, other, 2]) }
        } else {
            bytes.copyBytes(from: mail.take([root, rank, 2]))
        }
    }

    func waitForAll() { _ = gather(UnsafeRawBufferPointer(start: nil, count: 0)) }
}
