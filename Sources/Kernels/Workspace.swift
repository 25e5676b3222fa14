package import TensorCore

/// Elements that a tensor of `count` elements takes in a workspace: a multiple of 64 bytes of Float.
package func alignedElements(_ count: Int) -> Int { (count + 15) / 16 * 16 }

/// Memory that activations are taken from in a step and given back all at once.
///
/// One thread uses a workspace at a time. Taking beyond the planned capacity still works: it adds a chunk, which the next
/// `reset` merges with the first, so a plan that was too small costs one allocation and not correctness.
package final class Workspace<Backend: KernelBackend>: @unchecked Sendable {
    package let backend: Backend
    private var chunks: [Backend.Buffer]
    private var chunkCapacities: [Int]
    private var used = 0
    private var usedBefore = 0
    /// The most elements that were in use at once.
    package private(set) var highWaterMark = 0
    /// How often memory was allocated since the workspace was made.
    package private(set) var allocations = 1
    /// Where memory that is soon given back is taken from; this workspace itself, unless another is lent to it. Several
    /// workspaces that are used by one thread after the other can share such memory.
    package var temporary: Workspace { lent ?? self }
    private var lent: Workspace?

    /// - Parameter capacity: Elements to plan for.
    package init(_ backend: Backend, capacity: Int) {
        self.backend = backend
        let elements = alignedElements(max(capacity, 16))
        chunks = [backend.makeBuffer(count: elements)]
        chunkCapacities = [elements]
    }

    package var capacity: Int { chunkCapacities.reduce(0, +) }

    /// A tensor whose elements are not defined.
    package func take(_ shape: Shape) -> Tensor<Backend> {
        let elements = alignedElements(shape.count)
        if used + elements > chunkCapacities[chunks.count - 1] {
            usedBefore += used
            used = 0
            let size = max(elements, chunkCapacities[0] / 2)
            chunks.append(backend.makeBuffer(count: size))
            chunkCapacities.append(size)
            allocations += 1
        }
        defer {
            used += elements
            highWaterMark = max(highWaterMark, usedBefore + used)
        }
        return Tensor(buffer: chunks[chunks.count - 1], offset: used, shape: shape)
    }

    /// Takes memory that is soon given back from another workspace; none: from itself.
    package func borrow(_ workspace: Workspace?) { lent = workspace }

    /// A tensor of zeros.
    package func takeZeroed(_ shape: Shape) -> Tensor<Backend> {
        let tensor = take(shape)
        backend.fill(tensor, with: 0)
        return tensor
    }

    /// Where the next tensor will begin; `release(to:)` gives back everything taken after it.
    package struct Mark {
        fileprivate let chunk: Int
        fileprivate let used: Int
    }

    package var mark: Mark { Mark(chunk: chunks.count, used: used) }

    /// Gives back what was taken since the mark, if no chunk was added in between.
    package func release(to mark: Mark) {
        if mark.chunk == chunks.count { used = mark.used }
    }

    /// Gives everything back.
    package func reset() {
        if chunks.count > 1 {
            let total = alignedElements(capacity)
            chunks = [backend.makeBuffer(count: total)]
            chunkCapacities = [total]
            allocations += 1
        }
        used = 0
        usedBefore = 0
    }
}
