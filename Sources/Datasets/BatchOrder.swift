package import TensorCore

/// Which images make up the batch of a step: a seeded permutation per epoch, without its last partial batch.
///
/// A step's batch is a pure function of (seed, step), so a resumed run goes on where it was.
package struct BatchOrder: Sendable {
    /// Number of images.
    package let count: Int
    package let batchSize: Int
    package let seed: UInt64
    private var permutation: [Int32] = []
    private var permutedEpoch = -1

    /// - Throws: `DatasetError` if there are fewer images than a batch takes.
    package init(count: Int, batchSize: Int, seed: UInt64) throws {
        guard batchSize > 0 && batchSize <= count else {
            throw DatasetError(
                place: "training.batch_size", problem: "a batch of \(batchSize) from \(count) training images",
                remedy: "use a batch of 1 to \(count) images, or more images")
        }
        self.count = count
        self.batchSize = batchSize
        self.seed = seed
    }

    package var stepsPerEpoch: Int { count / batchSize }

    /// Epoch of a step; both count from 0.
    package func epoch(step: Int) -> Int { step / stepsPerEpoch }

    /// Writes the image indices of step `step` to the first `batchSize` elements of `output`.
    package mutating func fill(step: Int, into output: HostBuffer<Int32>) {
        precondition(step >= 0, "step \(step)")
        precondition(output.count >= batchSize, "\(batchSize) indices in a buffer of \(output.count)")
        let epoch = epoch(step: step)
        if epoch != permutedEpoch {
            permutation.removeAll(keepingCapacity: true)
            permutation.append(contentsOf: 0..<Int32(count))
            var random = RandomStream(seed: seed, purpose: .dataOrder, epoch: epoch)
            random.shuffle(&permutation)
            permutedEpoch = epoch
        }
        let start = step % stepsPerEpoch * batchSize
        for index in 0..<batchSize { output[index] = permutation[start + index] }
    }
}
