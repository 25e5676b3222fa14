import Foundation
import Synchronization
import TensorCore

/// The slots, and what each holds; shared by the engine's thread and the loader's.
///
/// A ticket is the number of a part in the order in which parts are handed out: step · parts + part. The threads take pieces
/// of one part after the other, so that the part that the engine waits for is rendered by all of them.
final class BatchRing: @unchecked Sendable {
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
        /// Images of the part that no thread has taken yet, and that are not done yet.
        var untaken = 0..<0
        var missing = 0
        /// The first of its images that cannot be rendered, and why.
        var failure: (place: Int, error: any Error)?
    }

    private let dataset: ImageDataset
    private let settings: BatchLoaderSettings
    private let stopping = Atomic<Bool>(false)
    /// Guards everything below.
    private let condition = NSCondition()
    private var slots: [Slot]
    /// The slot whose part still has images that no thread has taken.
    private var open: Int?
    private var nextToLoad: Int
    private var nextToLend: Int
    private var isStopped = false
    /// Threads that are there, and how many of them have something to do.
    private var workers = 0
    private var started = 0
    private var active = 0
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
                if let failure = slots[index].failure { throw failure.error }
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
        condition.withLock {
            precondition(slots[slot].state == .lent, "slot \(slot) was handed back twice")
            slots[slot].state = .free
            condition.broadcast()
        }
    }

    var totalWaitSeconds: Double { condition.withLock { waited } }
    var threads: Int { condition.withLock { active } }

    func stop() {
        stopping.store(true, ordering: .relaxed)
        condition.lock()
        isStopped = true
        condition.broadcast()
        while workers > 0 { condition.wait() }
        condition.unlock()
    }

    /// Lets so many threads work; those that are missing are started.
    func use(threads: Int, order: BatchOrder) {
        let new = condition.withLock {
            active = threads
            let new = isStopped ? 0..<0 : started..<max(started, threads)
            started += new.count
            workers += new.count
            condition.broadcast()
            return new
        }
        for number in new {
            let thread = Thread { self.work(order: order, number: number) }
            thread.name = "loader \(number)"
            thread.start()
        }
    }

    // MARK: The loader threads' side

    private func work(order: BatchOrder, number: Int) {
        var renderer = BatchRenderer(dataset: dataset, settings: settings, order: order)
        while let job = claim(number) {
            if let indices = job.indices { renderer.fill(step: job.step, into: indices) }
            let outcome = Result {
                try renderer.render(step: job.step, part: job.piece, into: job.images, from: job.first) {
                    stopping.load(ordering: .relaxed)
                }
            }
            finish(job, outcome)
        }
        condition.withLock {
            workers -= 1
            condition.broadcast()
        }
    }

    private struct Job {
        let step: Int
        /// Images of the batch, and the place of the first among those of its part.
        let piece: Range<Int>
        let first: Int
        let slot: Int
        let images: HostBuffer<Float>
        /// To be filled by whoever has the first piece.
        let indices: HostBuffer<Int32>?
    }

    /// The next images to load and where to. Parts are begun in order, so the one that the engine waits for always has a
    /// slot.
    private func claim(_ number: Int) -> Job? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped && (open != nil || nextToLoad < ticketEnd) {
            if number < active, let index = open ?? beginPart() {
                guard case .loading(let ticket) = slots[index].state else { return nil }
                let part = settings.parts[ticket % settings.parts.count]
                let untaken = slots[index].untaken
                let piece = untaken.prefix(settings.pieceSize(of: part))
                slots[index].untaken = piece.upperBound..<untaken.upperBound
                open = slots[index].untaken.isEmpty ? nil : index
                return Job(
                    step: ticket / settings.parts.count, piece: piece, first: piece.lowerBound - part.lowerBound,
                    slot: index, images: slots[index].images,
                    indices: piece.lowerBound == part.lowerBound ? slots[index].indices : nil)
            }
            condition.wait()
        }
        return nil
    }

    /// Takes a free slot for the next part; none: there is none, of either.
    private func beginPart() -> Int? {
        guard nextToLoad < ticketEnd, let index = slots.firstIndex(where: { $0.state == .free }) else { return nil }
        let part = settings.parts[nextToLoad % settings.parts.count]
        slots[index].state = .loading(nextToLoad)
        slots[index].untaken = part
        slots[index].missing = part.count
        slots[index].failure = nil
        nextToLoad += 1
        // Others can work at it too.
        condition.broadcast()
        return index
    }

    private func finish(_ job: Job, _ outcome: Result<Void, any Error>) {
        condition.lock()
        defer { condition.unlock() }
        // The first of the part, whichever thread comes across one first.
        if case .failure(let error) = outcome, job.piece.lowerBound < slots[job.slot].failure?.place ?? .max {
            slots[job.slot].failure = (job.piece.lowerBound, error)
        }
        slots[job.slot].missing -= job.piece.count
        guard slots[job.slot].missing == 0, case .loading(let ticket) = slots[job.slot].state else { return }
        slots[job.slot].state = .ready(ticket)
        condition.broadcast()
    }
}
