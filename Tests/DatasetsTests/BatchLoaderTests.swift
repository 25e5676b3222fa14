import Datasets
import TensorCore
import Testing

@Suite("Batch loader")
struct BatchLoaderTests {
    private struct Batch: Equatable {
        let step: Int
        let epoch: Int
        let indices: [Int32]
        let images: [Float]
    }

    private let dataset = makeDataset(count: 50)

    private func settings(
        seed: UInt64 = 1, start: Int = 0, total: Int = 15, threads: Int = 1, slots: Int = 4, crop: Bool = true
    ) throws -> BatchLoaderSettings {
        BatchLoaderSettings(
            batchSize: 8, imageSize: 9,
            crop: crop ? try RandomResizedCrop(scale: [0.3, 1], aspect: [0.75, 1.5]) : nil,
            seed: seed, startStep: start, totalSteps: total, threads: threads, slots: slots)
    }

    private func all(_ settings: BatchLoaderSettings) throws -> [Batch] {
        let loader = try BatchLoader(dataset: dataset, settings: settings)
        return try (settings.startStep..<settings.totalSteps).map { _ in
            let batch = try loader.next()
            defer { loader.recycle(batch) }
            return Batch(
                step: batch.step, epoch: batch.epoch, indices: batch.indices.array, images: batch.images.array)
        }
    }

    @Test("Batches do not depend on the number of threads or slots", arguments: [(1, 2), (2, 3), (4, 8), (7, 2)])
    func threads(threads: Int, slots: Int) throws {
        let reference = try all(settings())
        #expect(reference.map(\.step) == Array(0..<15))
        for _ in 0..<5 { #expect(try all(settings(threads: threads, slots: slots)) == reference) }
    }

    @Test("A loader that starts later goes on as one that never stopped")
    func resume() throws {
        #expect(try all(settings(start: 7, threads: 2)) == Array(all(settings()).dropFirst(7)))
    }

    @Test(
        "Parts of a batch hold the images of the whole one, in the order and as often as asked for", arguments: [1, 3])
    func parts(threads: Int) throws {
        var inParts = try settings(start: 2, total: 9, threads: threads)
        inParts.parts = [0..<3, 3..<8, 0..<3, 3..<8]
        let whole = try all(settings(start: 2, total: 9))
        let loader = try BatchLoader(dataset: dataset, settings: inParts)
        for batch in whole {
            for range in inParts.parts {
                let part = try loader.next()
                #expect(part.part == range && part.step == batch.step && part.epoch == batch.epoch)
                #expect(part.indices.array == batch.indices)
                #expect(
                    Array(part.images.array.prefix(81 * range.count))
                        == Array(batch.images[81 * range.lowerBound..<81 * range.upperBound]))
                loader.recycle(part)
            }
        }
        #expect(throws: BatchLoaderEnded.self) { try loader.next() }
    }

    @Test("An epoch has every image at most once, whole batches only, and another order each time")
    func order() throws {
        let batches = try all(settings(total: 18))
        #expect(
            batches.map(\.epoch) == Array(repeating: 0, count: 6) + Array(repeating: 1, count: 6)
                + Array(repeating: 2, count: 6))
        let epochs = (0..<3).map { epoch in batches.filter { $0.epoch == epoch }.flatMap(\.indices) }
        for indices in epochs {
            #expect(indices.count == 48 && Set(indices).count == 48)
            #expect(indices.allSatisfy { $0 >= 0 && $0 < 50 })
        }
        #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
        // The two that are left out change from epoch to epoch.
        #expect(Set(epochs.flatMap { $0 }).count == 50)
    }

    @Test("Other seeds give other orders and other crops")
    func seeds() throws {
        let (a, b) = try (all(settings()), all(settings(seed: 2)))
        #expect(a.map(\.indices) != b.map(\.indices))
    }

    @Test("An image is cropped by (seed, epoch, index): elsewhere in the order it looks the same, next epoch not")
    func crops() throws {
        let size = 81
        let batches = try all(settings(total: 12))
        let crop = try #require(settings().crop)
        var renderer = ImageRenderer(dataset, size: 9)
        var looks: [Int32: [[Float]]] = [:]
        for batch in batches {
            for (place, index) in batch.indices.enumerated() {
                let image = Array(batch.images[place * size..<(place + 1) * size])
                var random = RandomStream(seed: 1, purpose: .crop, epoch: batch.epoch, sample: Int(index))
                let region = crop.region(height: 12, width: 10, random: &random)
                let expected = HostBuffer<Float>(count: size)
                try renderer.render(Int(index), into: expected, slot: 0) { _ in region }
                #expect(image == expected.array)
                looks[index, default: []].append(image)
            }
        }
        let pairs = looks.values.filter { $0.count == 2 }
        #expect(pairs.count > 40)
        #expect(pairs.count { $0[0] == $0[1] } < 5)
    }

    @Test("Without a crop whole images come")
    func whole() throws {
        for batch in try all(settings(total: 3, crop: false)) {
            let expected = HostBuffer<Float>(count: 8 * 81)
            try dataset.renderViews(batch.indices.map(Int.init), size: 9, into: expected)
            #expect(batch.images == expected.array)
        }
    }

    @Test("Buffers are made once and used again")
    func buffers() throws {
        let loader = try BatchLoader(dataset: dataset, settings: settings(total: 40, threads: 2, slots: 3))
        var seen = Set<ObjectIdentifier>()
        for _ in 0..<40 {
            let batch = try loader.next()
            seen.insert(ObjectIdentifier(batch.images))
            #expect(batch.waitSeconds >= 0)
            loader.recycle(batch)
        }
        #expect(seen.count <= 3)
        #expect(loader.waitSeconds >= 0 && loader.waitSeconds.isFinite)
    }

    @Test("Several batches can be held at once and stay as they are while others load")
    func holding() throws {
        let loader = try BatchLoader(dataset: dataset, settings: settings(threads: 2, slots: 4))
        let reference = try all(settings())
        let held = try (0..<3).map { _ in try loader.next() }
        for step in 3..<15 {
            let batch = try loader.next()
            #expect(batch.images.array == reference[step].images)
            loader.recycle(batch)
        }
        for (step, batch) in held.enumerated() { #expect(batch.images.array == reference[step].images) }
    }

    @Test("Threads that come and go while batches are loaded change nothing, nor which image fails first")
    func changingThreads() throws {
        let dataset = makeDataset(count: 40)
        func batches(_ change: (BatchLoader, Int) -> Void) throws -> [[Float]] {
            let loader = try BatchLoader(
                dataset: dataset,
                settings: BatchLoaderSettings(
                    batchSize: 13, parts: [0..<5, 5..<13], imageSize: 8,
                    crop: try RandomResizedCrop(scale: [0.3, 1], aspect: [0.75, 1.3]), seed: 4, totalSteps: 12,
                    mostThreads: 6))
            return try (0..<24).map { number in
                change(loader, number)
                let batch = try loader.next()
                defer { loader.recycle(batch) }
                return Array(batch.images.array.prefix(batch.part.count * 64)) + batch.indices.array.map { Float($0) }
            }
        }
        let one = try batches { _, _ in }
        #expect(try batches { loader, number in loader.use(threads: [1, 6, 2, 4][number / 2 % 4]) } == one)
        for threads in [1, 4] {
            let broken = ImageDataset(
                name: "broken", source: FailingImages(base: dataset.source, at: 11), labels: nil, classCount: 1,
                normalization: dataset.normalization)
            let loader = try BatchLoader(
                dataset: broken,
                settings: BatchLoaderSettings(
                    batchSize: 40, imageSize: 8, crop: nil, seed: 4, totalSteps: 3, threads: threads))
            let error = #expect(throws: DatasetError.self) { try loader.next() }
            #expect(error?.place == "image 11")
        }
    }

    @Test("Dropping a loader early ends its threads, with batches unread, lent out or none taken")
    func dropping() throws {
        for taken in 0..<4 {
            for threads in 1...3 {
                var held: [LoadedBatch] = []
                do {
                    let loader = try BatchLoader(
                        dataset: dataset, settings: settings(total: 1000, threads: threads, slots: 4))
                    for _ in 0..<taken { held.append(try loader.next()) }
                }
                #expect(held.map(\.step) == Array(0..<taken))
            }
        }
    }

    @Test("After the last step and after stop there are no batches")
    func ending() throws {
        let loader = try BatchLoader(dataset: dataset, settings: settings(total: 1))
        loader.recycle(try loader.next())
        #expect(throws: BatchLoaderEnded.self) { try loader.next() }
        let stopped = try BatchLoader(dataset: dataset, settings: settings())
        stopped.stop()
        #expect(throws: BatchLoaderEnded.self) { try stopped.next() }
        let finished = try BatchLoader(dataset: dataset, settings: settings(start: 15))
        #expect(throws: BatchLoaderEnded.self) { try finished.next() }
    }

    @Test("A batch larger than the data set is refused")
    func tooLarge() throws {
        var settings = try settings()
        settings.batchSize = 51
        let error = try #require(throws: DatasetError.self) { try BatchLoader(dataset: dataset, settings: settings) }
        #expect(error.place == "training.batch_size")
    }
}
