import Foundation
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
    /// Threads that render batches. No result depends on it.
    package var threads: Int
    /// Parts held at once, at least one more than `threads`.
    package var slots: Int

    package init(
        batchSize: Int, parts: [Range<Int>]? = nil, imageSize: Int, crop: RandomResizedCrop?, seed: UInt64,
        startStep: Int = 0, totalSteps: Int, threads: Int = 1, slots: Int = 4
    ) {
        self.batchSize = batchSize
        self.parts = parts ?? [0..<batchSize]
        self.imageSize = imageSize
        self.crop = crop
        self.seed = seed
        self.startStep = startStep
        self.totalSteps = totalSteps
        self.threads = max(1, threads)
        self.slots = max(slots, self.threads + 1)
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
    fileprivate let slot: Int
}

/// Renders batches, or parts of them, ahead of their use on threads of its own, in a ring of buffers that is allocated
/// once.
///
/// Batches come in the order of steps, their parts in the order of the settings. Image, crop and order of a step are
/// pure functions of (seed, step).
package final class BatchLoader: Sendable {
    private let ring: BatchRing
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
        for index in 0..<settings.threads {
            let thread = Thread { ring.work(order: order) }
            thread.name = "loader \(index)"
            thread.start()
        }
    }

    deinit { stop() }

    /// The next part of the next step's batch, waiting for it if need be. Hand it back with `recycle` when its buffers are free.
    ///
    /// - Throws: `DatasetError` where an image of it cannot be read; `BatchLoaderEnded` after the last step, or after `stop`.
    package func next() throws -> LoadedBatch { try ring.next() }

    /// Gives a batch's buffers back to be filled anew.
    package func recycle(_ batch: LoadedBatch) { ring.recycle(slot: batch.slot) }

    /// Seconds that all calls of `next` waited.
    package var waitSeconds: Double { ring.totalWaitSeconds }

    /// Ends loading and waits for the threads; no more batches come.
    package func stop() { ring.stop() }
}

/// Renders parts of batches where they are asked for, as a loader with the same settings does on its threads.
package struct BatchRenderer {
    private let dataset: ImageDataset
    private let settings: BatchLoaderSettings
    private var order: BatchOrder
    private var renderer: ImageRenderer
    private let indices: HostBuffer<Int32>

    /// - Throws: `DatasetError` if the data set has fewer images than a batch.
    package init(dataset: ImageDataset, settings: BatchLoaderSettings) throws {
        self.init(
            dataset: dataset, settings: settings,
            order: try BatchOrder(count: dataset.count, batchSize: settings.batchSize, seed: settings.seed))
    }

    fileprivate init(dataset: ImageDataset, settings: BatchLoaderSettings, order: BatchOrder) {
        self.dataset = dataset
        self.settings = settings
        self.order = order
        renderer = ImageRenderer(dataset, size: settings.imageSize)
        indices = HostBuffer(count: settings.batchSize)
    }

    /// The images of a step's batch, and the part of each that the step sees, [B].
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func choices(step: Int) throws -> [BatchChoice] {
        order.fill(step: step, into: indices)
        return try (0..<settings.batchSize).map { place in
            let image = Int(indices[place])
            let size = try renderer.size(of: image)
            return BatchChoice(
                image: image, region: region(ofImage: image, step: step)?(size) ?? CropRegion(of: size))
        }
    }

    /// Writes the images `part` of a step's batch to the front of `images`, [part.count or more, channels, size, size].
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func render(step: Int, part: Range<Int>, into images: HostBuffer<Float>) throws {
        try render(step: step, part: part, into: images, indices: indices) { false }
    }

    /// - Parameters:
    ///   - indices: Gets the index of each image of the whole batch in the data set.
    ///   - shouldStop: Asked before each image; the rest is then not rendered.
    fileprivate mutating func render(
        step: Int, part: Range<Int>, into images: HostBuffer<Float>, indices: HostBuffer<Int32>,
        unless shouldStop: () -> Bool
    ) throws {
        order.fill(step: step, into: indices)
        for (slot, place) in part.enumerated() {
            if shouldStop() { break }
            let image = Int(indices[place])
            if let region = region(ofImage: image, step: step) {
                try renderer.render(image, into: images, slot: slot, region: region)
            } else {
                try renderer.render(image, into: images, slot: slot)
            }
        }
    }

    /// The part of an image that a step sees, by the image's size; none: what evaluations see.
    private func region(ofImage image: Int, step: Int) -> ((ImageSize) -> CropRegion)? {
        guard let crop = settings.crop else { return nil }
        let (seed, epoch) = (settings.seed, order.epoch(step: step))
        return { size in
            var random = RandomStream(seed: seed, purpose: .crop, epoch: epoch, sample: image)
            return crop.region(height: size.height, width: size.width, random: &random)
        }
    }
}

/// An image of a batch.
package struct BatchChoice: Sendable, Hashable {
    /// Its index in the data set.
    package let image: Int
    /// The part of it that is shown.
    package let region: CropRegion
}

/// A loader was asked for more batches than it has.
package struct BatchLoaderEnded: Error, Hashable, CustomStringConvertible {
    package let description: String
}

/// The slots, and what each holds; shared by the engine's thread and the loader's.
///
/// A ticket is the number of a part in the order in which parts are handed out: step · parts + part.
private final class BatchRing: @unchecked Sendable {
    private enum SlotState: Equatable {
        case free
        /// Being filled with the part of this ticket.
        case loading(Int)
        /// Holds the part of this ticket, or why there is none.
        case ready(Int)
        /// In the engine's hands.
        case lent
    }

    private struct Slot {
        let images: HostBuffer<Float>
        let indices: HostBuffer<Int32>
        var state = SlotState.free
        var failure: (any Error)?
    }

    private let dataset: ImageDataset
    private let settings: BatchLoaderSettings
    /// Guards everything below.
    private let condition = NSCondition()
    private var slots: [Slot]
    private var nextToLoad: Int
    private var nextToLend: Int
    private var isStopped = false
    private var workers: Int
    private var waited = 0.0

    init(dataset: ImageDataset, settings: BatchLoaderSettings) {
        self.dataset = dataset
        self.settings = settings
        let elements = dataset.channels * settings.imageSize * settings.imageSize
        slots = (0..<settings.slots).map { _ in
            Slot(
                images: HostBuffer(count: (settings.parts.map(\.count).max() ?? 0) * elements),
                indices: HostBuffer(count: settings.batchSize))
        }
        nextToLoad = settings.startStep * settings.parts.count
        nextToLend = nextToLoad
        workers = settings.threads
    }

    // MARK: The engine's side

    func next() throws -> LoadedBatch {
        let clock = ContinuousClock()
        let start = clock.now
        condition.lock()
        defer { condition.unlock() }
        precondition(slots.contains { $0.state != .lent }, "every batch is lent out: recycle one before the next")
        while true {
            guard !isStopped else { throw BatchLoaderEnded(description: "the loader was stopped") }
            guard nextToLend < ticketEnd else {
                throw BatchLoaderEnded(description: "there are no batches after step \(settings.totalSteps)")
            }
            if let index = slots.firstIndex(where: { $0.state == .ready(nextToLend) }) {
                if let failure = slots[index].failure { throw failure }
                let seconds = (clock.now - start) / .seconds(1)
                waited += seconds
                let (step, part) = (nextToLend / settings.parts.count, nextToLend % settings.parts.count)
                nextToLend += 1
                slots[index].state = .lent
                return LoadedBatch(
                    part: settings.parts[part], images: slots[index].images, indices: slots[index].indices,
                    epoch: step / (dataset.count / settings.batchSize), step: step, waitSeconds: seconds, slot: index)
            }
            condition.wait()
        }
    }

    private var ticketEnd: Int { settings.totalSteps * settings.parts.count }

    func recycle(slot: Int) {
        condition.lock()
        precondition(slots[slot].state == .lent, "slot \(slot) was handed back twice")
        slots[slot].state = .free
        condition.broadcast()
        condition.unlock()
    }

    var totalWaitSeconds: Double {
        condition.lock()
        defer { condition.unlock() }
        return waited
    }

    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        while workers > 0 { condition.wait() }
        condition.unlock()
    }

    // MARK: The loader threads' side

    func work(order: BatchOrder) {
        var renderer = BatchRenderer(dataset: dataset, settings: settings, order: order)
        while let job = claim() {
            let outcome = Result {
                try renderer.render(step: job.step, part: job.part, into: job.images, indices: job.indices) {
                    isStopping
                }
            }
            finish(job, outcome)
        }
        condition.lock()
        workers -= 1
        condition.broadcast()
        condition.unlock()
    }

    private struct Job {
        let ticket: Int
        let step: Int
        let part: Range<Int>
        let slot: Int
        let images: HostBuffer<Float>
        let indices: HostBuffer<Int32>
    }

    /// The next part to load and a slot for it. Parts are claimed in order, so the one that the engine waits for
    /// always has a slot.
    private func claim() -> Job? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped && nextToLoad < ticketEnd {
            if let index = slots.firstIndex(where: { $0.state == .free }) {
                let ticket = nextToLoad
                nextToLoad += 1
                slots[index].state = .loading(ticket)
                return Job(
                    ticket: ticket, step: ticket / settings.parts.count,
                    part: settings.parts[ticket % settings.parts.count], slot: index, images: slots[index].images,
                    indices: slots[index].indices)
            }
            condition.wait()
        }
        return nil
    }

    private func finish(_ job: Job, _ outcome: Result<Void, any Error>) {
        condition.lock()
        if case .failure(let error) = outcome { slots[job.slot].failure = error }
        slots[job.slot].state = .ready(job.ticket)
        condition.broadcast()
        condition.unlock()
    }

    private var isStopping: Bool {
        condition.lock()
        defer { condition.unlock() }
        return isStopped
    }
}
