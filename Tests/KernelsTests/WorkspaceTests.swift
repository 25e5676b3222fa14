import Kernels
import TensorCore
import TestSupport
import Testing

@Suite struct WorkspaceTests {
    private let backend = ReferenceBackend<Float>()

    @Test func tensorsBeginAtMultiplesOf64BytesAndDoNotOverlap() {
        let workspace = Workspace(backend, capacity: 200)
        let tensors = [1, 16, 17, 3, 100].map { workspace.take(Shape($0)) }
        #expect(tensors.map(\.offset) == [0, 16, 32, 64, 80])
        #expect(tensors.allSatisfy { UInt(bitPattern: $0.hostPointer) % 64 == 0 })
        #expect(workspace.allocations == 1)
    }

    @Test func takingBeyondCapacityAddsAChunkThatResetMerges() {
        let workspace = Workspace(backend, capacity: 64)
        let first = workspace.take(Shape(48))
        let second = workspace.take(Shape(100))
        #expect(first.buffer !== second.buffer)
        #expect(workspace.allocations == 2)
        backend.fill(first, with: 1)
        backend.fill(second, with: 2)
        #expect(backend.values(of: first) == Array(repeating: 1, count: 48), "growth leaves earlier tensors alone")
        workspace.reset()
        #expect(workspace.allocations == 3)
        #expect(workspace.capacity == 64 + 112)
        let again = (workspace.take(Shape(48)), workspace.take(Shape(100)))
        #expect(again.0.buffer === again.1.buffer)
        workspace.reset()
        #expect(workspace.allocations == 3, "a step that fits allocates nothing")
    }

    @Test func highWaterMarkIsTheMostInUseAtOnce() {
        let workspace = Workspace(backend, capacity: 64)
        #expect(workspace.highWaterMark == 0)
        _ = workspace.take(Shape(10))
        _ = workspace.take(Shape(20))
        #expect(workspace.highWaterMark == 48)
        _ = workspace.take(Shape(33))
        #expect(workspace.highWaterMark == 96, "over both chunks")
        workspace.reset()
        _ = workspace.take(Shape(16))
        #expect(workspace.highWaterMark == 96)
    }

    @Test func releaseGivesBackWhatWasTakenSinceTheMark() {
        let workspace = Workspace(backend, capacity: 64)
        let kept = workspace.take(Shape(16))
        let mark = workspace.mark
        let temporary = workspace.take(Shape(32))
        workspace.release(to: mark)
        let next = workspace.take(Shape(32))
        #expect(next.offset == temporary.offset)
        #expect(next.offset == kept.offset + 16)
        #expect(workspace.highWaterMark == 48)
    }

    @Test func releaseAcrossAChunkKeepsEverything() {
        let workspace = Workspace(backend, capacity: 32)
        _ = workspace.take(Shape(16))
        let mark = workspace.mark
        let grown = workspace.take(Shape(32))
        workspace.release(to: mark)
        let next = workspace.take(Shape(16))
        #expect(next.buffer !== grown.buffer || next.offset >= grown.offset + 32)
    }

    @Test func zeroedTensorsAreZeroAlsoInUsedMemory() {
        let workspace = Workspace(backend, capacity: 32)
        backend.fill(workspace.take(Shape(32)), with: 5)
        workspace.reset()
        #expect(backend.values(of: workspace.takeZeroed(Shape(2, 8))) == Array(repeating: 0, count: 16))
    }
}

@Suite struct TensorTests {
    private let backend = ReferenceBackend<Float>()

    @Test func slicesAndWindowsShareTheBuffer() {
        let x = backend.tensor((0..<24).map(Double.init), 4, 3, 2)
        #expect(backend.doubles(x.slice(1..<3)) == (6..<18).map(Double.init))
        #expect(x.slice(1..<3).shape == Shape(2, 3, 2))
        #expect(backend.doubles(x.window(at: 5, Shape(2))) == [5, 6])
        backend.fill(x.slice(3..<4).reshaped(Shape(6)), with: -1)
        #expect(backend.doubles(x)[16...] == [16, 17, -1, -1, -1, -1, -1, -1])
    }
}
