import Foundation
import Glibc
import Safetensors
import Testing

@testable import cjepa_exp

/// A full disk holds a run; space, a request to stop, or too long a wait end that.
@Suite struct SpaceWaitTests {
    /// A clock that goes on by sleeping only.
    private final class World {
        var time = ContinuousClock.now
        let start = ContinuousClock.now
        var told: [String] = []
        var stopsAfter = Double.infinity
        var attempts: [Double] = []

        var seconds: Double { (time - start) / .seconds(1) }

        func wait() -> SpaceWait {
            SpaceWait(
                shouldStop: { [unowned self] in seconds > stopsAfter },
                willWait: { [unowned self] in told.append("wait \($0.path)") },
                didWait: { [unowned self] in told.append("on") }, now: { [unowned self] in time },
                sleep: { [unowned self] in time += .seconds($0) })
        }

        func attempt(failing code: Int32, until success: Double) throws {
            attempts.append(seconds.rounded())
            if seconds < success { throw FileWriteError(path: "p", operation: "write", code: code) }
        }
    }

    @Test(arguments: [ENOSPC, EDQUOT])
    func aFullDiskIsWaitedForWithGrowingPauses(code: Int32) throws {
        let world = World()
        try world.wait()() { try world.attempt(failing: code, until: 100) }
        #expect(world.told == ["wait p", "on"])
        #expect(world.attempts == [0, 1, 3, 7, 15, 31, 61, 91, 121])
    }

    @Test func spaceThatWasThereIsNoMatter() throws {
        let world = World()
        try world.wait()() { try world.attempt(failing: ENOSPC, until: -1) }
        #expect(world.told.isEmpty && world.attempts.count == 1)
    }

    @Test func otherErrorsAreThrownAtOnce() {
        let world = World()
        #expect(throws: FileWriteError.self) {
            try world.wait()() { try world.attempt(failing: EROFS, until: 100) }
        }
        #expect(world.told.isEmpty && world.attempts.count == 1)
    }

    @Test func aRequestToStopEndsTheWait() {
        let world = World()
        world.stopsAfter = 10
        #expect(throws: FileWriteError.self) {
            try world.wait()() { try world.attempt(failing: ENOSPC, until: 100) }
        }
        #expect(world.seconds < 11 && world.told == ["wait p"])
    }

    @Test func tooLongAWaitEnds() {
        let world = World()
        #expect(throws: FileWriteError.self) {
            try world.wait()() { try world.attempt(failing: ENOSPC, until: .infinity) }
        }
        #expect(world.seconds > 1800 && world.seconds < 1802)
    }
}
