import Datasets
import ExperimentSpec
import Foundation
import ImageCodecs
import Orchestration
import Synchronization
import TensorCore

/// What `data stats` says.
struct DataStatistics: Encodable {
    let place: String
    let splits: [SplitStatistics]

    var text: String { ([place] + splits.map(\.text)).joined(separator: "\n\n") }
}

/// Numbers of one split.
struct SplitStatistics: Encodable {
    /// Smallest, middle and largest of some numbers.
    struct Range: Encodable {
        let min: Int
        let median: Int
        let max: Int

        init?(_ values: [Int]) {
            let sorted = values.sorted()
            guard let first = sorted.first, let last = sorted.last else { return nil }
            (min, median, max) = (first, sorted[sorted.count / 2], last)
        }

        var text: String { min == max ? "\(min)" : "\(min) to \(max), median \(median)" }
    }

    struct Bin: Encodable {
        /// The short side is at least this, and less than the next one's.
        let shortSide: Int
        let images: Int
    }

    let name: String
    let images: Int
    let unreadable: Int
    /// Of the files; none where images are no files of their own.
    let bytes: Int?
    let classes: Int?
    let imagesPerClass: Range?
    let height: Range?
    let width: Range?
    /// By the short side, in powers of two.
    let shortSides: [Bin]
    let formats: [String: Int]
    let colourSpaces: [String: Int]
    /// Images whose pixels were read.
    let measuredImages: Int
    /// Over all pixels of these, where a pixel is 0…1.
    let mean: [Double]
    let standardDeviation: [Double]

    /// - Parameter chosen: How many images have their pixels read; nil: all.
    init(_ split: DataImages.Split, data: DataImages, chosen: Int?, seed: UInt64, threads: Int) throws {
        let count = split.images.count
        let measured = Self.choice(chosen, of: count, seed: seed)
        Console.beginRated("reading \(split.name)", of: count)
        let total = Mutex(ChannelSums())
        let results: [ImageFacts?] = ImageSweep.run(
            count: count, threads: threads, makeExaminer: { ImageExaminer(split) }
        ) { examiner, range in
            var sums = ChannelSums()
            let facts = range.map { image in
                let isMeasured = measured?.contains(image) ?? true
                return try? examiner.examine(image, .init(decodes: isMeasured)) { values, layout in
                    sums.add(values, layout)
                }
            }
            total.withLock { $0.add(sums) }
            return facts
        }
        let sums = total.withLock { $0 }
        let facts = results.compactMap(\.self)
        name = split.name
        images = count
        unreadable = count - facts.count
        bytes = facts.contains { $0.bytes > 0 } ? facts.reduce(0) { $0 + $1.bytes } : nil
        let sizes = split.images.labels.map { labels in
            labels.reduce(into: [Int](repeating: 0, count: split.images.classCount)) { sizes, label in
                if sizes.indices.contains(Int(label)) { sizes[Int(label)] += 1 }
            }
        }
        classes = sizes?.count { $0 > 0 }
        imagesPerClass = sizes.flatMap(Range.init)
        height = Range(facts.map { Int($0.height) })
        width = Range(facts.map { Int($0.width) })
        let bins = facts.reduce(into: [Int: Int]()) { bins, facts in
            let short = Int(min(facts.width, facts.height))
            bins[short <= 1 ? short : 1 << (Int.bitWidth - 1 - short.leadingZeroBitCount), default: 0] += 1
        }
        shortSides = bins.sorted { $0.key < $1.key }.map { Bin(shortSide: $0.key, images: $0.value) }
        formats = facts.reduce(into: [:]) { if let format = $1.format { $0[format.rawValue, default: 0] += 1 } }
        colourSpaces = facts.reduce(into: [:]) { if let space = $1.colorSpace { $0[space.rawValue, default: 0] += 1 } }
        measuredImages = results.enumerated().count { entry in
            entry.element != nil && measured?.contains(entry.offset) ?? true
        }
        (mean, standardDeviation) = sums.isEmpty ? ([], []) : sums.moments
    }

    /// - Returns: Nil: all.
    private static func choice(_ wanted: Int?, of count: Int, seed: UInt64) -> Set<Int>? {
        guard let wanted, wanted < count else { return nil }
        var random = RandomStream(seed: seed, purpose: .subset)
        var order = Array(0..<count)
        random.shuffle(&order)
        return Set(order.prefix(wanted))
    }

    var text: String {
        func listed(_ counts: [String: Int]) -> String {
            counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
                .joined(separator: ", ")
        }
        func numbers(_ values: [Double]) -> String { values.map { String(format: "%.4f", $0) }.joined(separator: " ") }
        var lines = ["\(name): \(counted(images, "image"))" + (bytes.map { ", \(Quantity.bytes($0))" } ?? "")]
        func line(_ title: String, _ text: String?) {
            guard let text, !text.isEmpty else { return }
            lines.append("    " + title.padding(toLength: 18, withPad: " ", startingAt: 0) + text)
        }
        if unreadable > 0 { line("unreadable", "\(unreadable); `cjepa-exp data check` names them") }
        line("classes", classes.map(String.init))
        line("images of a class", imagesPerClass?.text)
        line("height", height?.text)
        line("width", width?.text)
        let sides = shortSides.map { "\($0.images) from \($0.shortSide)" }.joined(separator: ", ")
        line("short side", shortSides.count > 1 ? sides : nil)
        line("formats", listed(formats))
        line("colour spaces", listed(colourSpaces))
        line("mean", mean.isEmpty ? nil : numbers(mean))
        line("std", mean.isEmpty ? nil : numbers(standardDeviation))
        line("measured on", measuredImages < images ? counted(measuredImages, "image") : nil)
        return lines.joined(separator: "\n")
    }
}
