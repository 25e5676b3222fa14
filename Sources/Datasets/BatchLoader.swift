package import TensorCore

/// How a loader makes batches.
package struct BatchLoaderSettings: Sendable, Hashable {
    package var batchSize: Int
    /// Parts of a batch that `next` hands out one after the other for every step; one part may come several times. The
    /// whole batch at once by default. What an image looks like does not depend on them.
    package var parts: [Range<Int>]
    /// Side of the rendered images, in pixels.
    package var imageSize: Int
    /// None: images as evaluations see them.
    package var crop: RandomResizedCrop?
    package var seed: UInt64
    /// The first step to load; where a resumed run goes on.
    package var startStep: Int
    /// One past the last step.
    package var totalSteps: Int
    /// Threads that render images, several of them the same part. No result depends on it.
    package var threads: Int
    /// Most threads that there will be (`BatchLoader.use`).
    package var mostThreads: Int
    /// Parts held at once.
    package var slots: Int

    package init(
        batchSize: Int, parts: [Range<Int>]? = nil, imageSize: Int, crop: RandomResizedCrop?, seed: UInt64,
        startStep: Int = 0, totalSteps: Int, threads: Int = 1, mostThreads: Int = 1, slots: Int = 4
    ) {
        self.batchSize = batchSize
        self.parts = parts ?? [0..<batchSize]
        self.imageSize = imageSize
        self.crop = crop
        self.seed = seed
        self.startStep = startStep
        self.totalSteps = totalSteps
        self.threads = max(1, threads)
        self.mostThreads = max(mostThreads, self.threads)
        self.slots = max(slots, 2)
    }

    /// Images of a part that a thread renders at once: few enough for all threads to work at one part.
    func pieceSize(of part: Range<Int>) -> Int {
        max(1, min(8, (part.count + mostThreads - 1) / mostThreads))
    }
}

/// A rendered part of a batch; its buffers belong to the loader and are filled anew after `recycle`.
package struct LoadedBatch: Sendable {
    /// The images of the batch that these are.
    package let part: Range<Int>
    /// [part.count or more, channels, size, size], normalised.
    package let images: HostBuffer<Float>
    /// Index of each image of the whole batch in the data set, [B].
    package let indices: HostBuffer<Int32>
    package let epoch: Int
    package let step: Int
    /// Seconds that `next` waited for this part.
    package let waitSeconds: Double
    let slot: Int
}

/// Renders batches, or parts of them, ahead of their use on threads of its own, in a ring of buffers that is allocated
/// once.
///
/// Batches come in the order of steps, their parts in the order of the settings. Image, crop and order of a step are
/// pure functions of (seed, step).
package final class BatchLoader: Sendable {
    private let ring: BatchRing
    private let order: BatchOrder
    package let settings: BatchLoaderSettings
    package let stepsPerEpoch: Int

    /// Starts loading.
    ///
    /// - Throws: `DatasetError` if the data set has fewer images than a batch.
    package init(dataset: ImageDataset, settings: BatchLoaderSettings) throws {
        precondition(
            settings.startStep >= 0 && settings.startStep <= settings.totalSteps,
            "steps \(settings.startStep)..<\(settings.totalSteps)")
        precondition(
            !settings.parts.isEmpty
                && settings.parts.allSatisfy {
                    $0.lowerBound >= 0 && $0.upperBound <= settings.batchSize && !$0.isEmpty
                },
            "parts \(settings.parts) of a batch of \(settings.batchSize)")
        let order = try BatchOrder(count: dataset.count, batchSize: settings.batchSize, seed: settings.seed)
        let ring = BatchRing(dataset: dataset, settings: settings)
        self.ring = ring
        self.settings = settings
        stepsPerEpoch = order.stepsPerEpoch
        ring.use(threads: settings.threads, order: order)
        self.order = order
    }

    deinit { stop() }

    /// The next part of the next step's batch, waiting for it if need be. Hand it back with `recycle` when its buffers are free.
    ///
    /// - Throws: `DatasetError` where an image of it cannot be read; `BatchLoaderEnded` after the last step, or after `stop`.
    package func next() throws -> LoadedBatch { try ring.next() }

    /// Gives a batch's buffers back to be filled anew.
    package func recycle(_ batch: LoadedBatch) { ring.recycle(slot: batch.slot) }

    /// Renders on so many threads from now on; the others sleep. What is loaded does not depend on it.
    ///
    /// - Parameter threads: 1 to `settings.mostThreads`.
    package func use(threads: Int) { ring.use(threads: max(1, min(threads, settings.mostThreads)), order: order) }

    /// Threads that render.
    package var threads: Int { ring.threads }

    /// Seconds that all calls of `next` waited.
    package var waitSeconds: Double { ring.totalWaitSeconds }

    /// Ends loading and waits for the threads; no more batches come.
    package func stop() { ring.stop() }
}

/// A loader was asked for more batches than it has.
package struct BatchLoaderEnded: Error, Hashable, CustomStringConvertible {
    package let description: String
}
