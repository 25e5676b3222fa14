import Foundation
import Kernels
import Synchronization
import Testing
import Training

@Suite struct SummationOrderTests {
    /// Which members worked on each stage, in time.
    private final class Log: Sendable {
        let stages: Mutex<[[Int]]>
        init(stages count: Int) { stages = Mutex([[Int]](repeating: [], count: count)) }
        func note(_ member: Int, _ stage: Int) { stages.withLock { $0[stage].append(member) } }
    }

    @Test("every stage sees the members in order, whatever the number of threads", arguments: [1, 2, 5], [1, 4, 8])
    func order(members: Int, threads: Int) {
        let (order, stages) = (SummationOrder(members: members), 20)
        for _ in 0..<20 {
            order.reset()
            let log = Log(stages: stages)
            ThreadTeam(threads: threads).forEach(members) { member in
                let turn = SummationTurn(order, member: member)
                turn.begin()
                for stage in 0..<stages {
                    log.note(member, stage)
                    if stage + 1 < stages { turn.advance() }
                }
                turn.finish()
            }
            log.stages.withLock { for stage in $0 { #expect(stage == Array(0..<members)) } }
        }
    }

    @Test("a team does every piece once", arguments: [1, 2, 7])
    func team(threads: Int) {
        let log = Log(stages: 1)
        ThreadTeam(threads: threads).forEach(100) { piece, thread in
            log.note(piece, 0)
            #expect(thread >= 0 && thread < threads)
        }
        log.stages.withLock { #expect($0[0].sorted() == Array(0..<100)) }
    }

    @Test("a team does one call after the other")
    func calls() {
        let team = ThreadTeam(threads: 3)
        for count in [0, 1, 2, 50, 3] {
            let log = Log(stages: 1)
            team.forEach(count) { piece in log.note(piece, 0) }
            log.stages.withLock { #expect($0[0].sorted() == Array(0..<count)) }
        }
    }

    @Test("a team is so many threads, which end with it")
    func threadsEnd() throws {
        let threads = 12
        // Places of the threads under /proc.
        let places = Mutex<Set<String>>([])
        do {
            let begun = Atomic(0)
            ThreadTeam(threads: threads).forEach(threads) { _ in
                begun.add(1, ordering: .relaxed)
                // No thread gets a second piece before each has one.
                while begun.load(ordering: .relaxed) < threads { usleep(100) }
                let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
                places.withLock { _ = $0.insert(place ?? "") }
            }
        }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        let others = places.withLock { $0.subtracting([own]) }
        #expect(others.count == threads - 1)
        let end = ContinuousClock.now + .seconds(60)
        let exist = { others.contains { FileManager.default.fileExists(atPath: "/proc/\($0)") } }
        while exist(), ContinuousClock.now < end { usleep(10_000) }
        #expect(!exist())
    }
}
