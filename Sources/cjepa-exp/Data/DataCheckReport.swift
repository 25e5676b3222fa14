import Datasets
import ExperimentSpec
import Foundation
import ImageCodecs
import Orchestration

/// What `data check` says.
struct DataCheckReport: Encodable {
    struct Split: Encodable {
        let name: String
        let images: Int
        let readable: Int
        /// Classes with an image; none where the images have none.
        let classes: Int?
        /// Of the files.
        let bytes: Int
    }

    let place: String
    let splits: [Split]
    /// Images that an earlier check had opened.
    let knownImages: Int
    let wouldFail: Bool
    let findings: [DataFinding]

    /// - Parameter limit: Most items of a kind; nil: all.
    init(_ examination: DataExamination, limit: Int?) {
        let data = examination.data
        var findings = Findings(limit: limit)
        findings.addUnreadable(examination)
        findings.addOddities(examination)
        findings.addDuplicates(examination)
        findings.addClasses(data)
        for split in data.splits { findings.addNotes(split) }
        place = data.place
        knownImages = examination.knownCount
        self.findings = findings.all
        wouldFail = self.findings.contains { $0.wouldFail }
        splits = zip(data.splits, examination.results).map { split, results in
            var (readable, bytes) = (0, 0)
            for case .facts(let facts) in results {
                readable += 1
                bytes += facts.bytes
            }
            return Split(
                name: split.name, images: results.count, readable: readable,
                classes: split.images.labels.map { Set($0).count }, bytes: bytes)
        }
    }

    var text: String {
        var table = TextTable([
            ("split", .left), ("images", .right), ("readable", .right), ("classes", .right), ("size", .right),
        ])
        for split in splits {
            table.append([
                split.name, "\(split.images)", "\(split.readable)", split.classes.map(String.init) ?? "",
                split.bytes > 0 ? Quantity.bytes(split.bytes) : "",
            ])
        }
        var parts = [place, table.text] + findings.map(\.text)
        if knownImages > 0 {
            parts.append("\(counted(knownImages, "image")) known from an earlier check; --fresh opens them again")
        }
        let verdict =
            wouldFail
            ? "training would fail" : findings.isEmpty ? "nothing odd" : "training would work; look at the above"
        return (parts + [verdict]).joined(separator: "\n\n")
    }
}

/// Findings by their kinds.
private struct Findings {
    private var byKind: [DataFinding.Kind: DataFinding] = [:]
    private let limit: Int?

    init(limit: Int?) { self.limit = limit }

    /// In the order of the kinds, which is that of what matters.
    var all: [DataFinding] { DataFinding.Kind.allCases.compactMap { byKind[$0] } }

    private mutating func add(_ kind: DataFinding.Kind, count: Int = 1, _ item: @autoclosure () -> DataFinding.Item) {
        byKind[kind, default: DataFinding(kind, limit: limit)].add(item(), count: count)
    }

    mutating func addUnreadable(_ examination: DataExamination) {
        for error in examination.data.complaints {
            add(.unusable, DataFinding.Item(place: error.place, detail: error.problem, remedy: error.remedy))
        }
        for results in examination.results {
            let isLeftOut = examination.data.leavesOutUnreadable && results.contains { $0.isReadable }
            for case .unreadable(let error) in results {
                // Only what is wrong with its bytes is left out.
                let kind: DataFinding.Kind = isLeftOut && error.isAboutBytes ? .unreadableSkipped : .unreadable
                add(kind, DataFinding.Item(place: error.place, detail: error.problem, remedy: error.remedy))
            }
        }
    }

    mutating func addOddities(_ examination: DataExamination) {
        let splits = examination.data.splits
        var areas: [Int] = []
        examination.forEachReadable { _, _, facts in areas.append(facts.area) }
        areas.sort()
        let median = areas.isEmpty ? 0 : areas[areas.count / 2]
        examination.forEachReadable { split, image, facts in
            func add(_ kind: DataFinding.Kind, _ detail: @autoclosure () -> String) {
                self.add(kind, DataFinding.Item(place: splits[split].label(of: image), detail: detail()))
            }
            if facts.isConverted { add(.colourSpace, facts.colorSpace?.rawValue ?? "") }
            if facts.hasAlpha { add(.alpha, facts.colorSpace?.rawValue ?? "") }
            if facts.depth == 16 { add(.sixteenBits, "") }
            if facts.orientation != .upright { add(.orientation, "orientation \(facts.orientation.rawValue)") }
            if let size = facts.oddSize(median: median) { add(.size, size) }
            if let format = facts.format, let named = Self.named(splits[split].label(of: image)), named != format {
                add(.otherFormat, "\(format.rawValue)")
            }
            for remark in facts.remarks { add(.remark, remark.rawValue) }
        }
    }

    /// The format that a name promises.
    private static func named(_ path: String) -> ImageFormat? {
        switch (path as NSString).pathExtension.lowercased() {
        case "jpg", "jpeg": .jpeg
        case "png": .png
        case "webp": .webp
        default: nil
        }
    }

    mutating func addDuplicates(_ examination: DataExamination) {
        struct Entry {
            let hash: UInt64
            let bytes: Int
            let split: Int
            let image: Int
        }
        let splits = examination.data.splits
        var entries: [Entry] = []
        examination.forEachReadable {
            entries.append(Entry(hash: $2.hash, bytes: $2.bytes, split: $0, image: $1))
        }
        // By contents; within the same ones by place.
        entries.sort { ($0.hash, $0.bytes, $0.split, $0.image) < ($1.hash, $1.bytes, $1.split, $1.image) }
        var groups: [ArraySlice<Entry>] = []
        var start = 0
        for end in 1..<max(1, entries.count + 1) where end <= entries.count {
            let isLast = end == entries.count
            if isLast || entries[end].hash != entries[start].hash || entries[end].bytes != entries[start].bytes {
                if end - start > 1 { groups.append(entries[start..<end]) }
                start = end
            }
        }
        groups.sort { one, other in
            guard let a = one.first, let b = other.first else { return false }
            return (a.split, a.image) < (b.split, b.image)
        }
        for group in groups {
            guard let first = group.first else { continue }
            let classes = Set(group.compactMap { splits[$0.split].images.labels?[$0.image] })
            let kind: DataFinding.Kind =
                Set(group.map(\.split)).count > 1
                ? .duplicatesAcrossSplits : classes.count > 1 ? .duplicatesWithOtherClass : .duplicates
            add(
                kind,
                DataFinding.Item(
                    place: splits[first.split].label(of: first.image),
                    detail: "the same as "
                        + group.dropFirst().prefix(4).map { splits[$0.split].label(of: $0.image) }
                        .joined(separator: ", ")
                        + (group.count > 5 ? " and \(group.count - 5) more" : "")))
        }
    }

    mutating func addClasses(_ data: DataImages) {
        let sizes = data.splits.map { split in
            split.images.labels?.reduce(into: [Int: Int]()) { if $1 >= 0 { $0[Int($1), default: 0] += 1 } }
        }
        // Probes are fitted to images of their own, where there are such: evaluations need their classes.
        let place = data.splits.firstIndex { $0.name == "probe" } ?? 0
        guard data.splits.indices.contains(place), let trained = sizes[place] else { return }
        let training = data.splits[place]
        let count = max(
            data.classNames?.count ?? 0, data.splits.map(\.images.classCount).max() ?? 0)
        for label in 0..<count {
            let name = data.className(label)
            let having = sizes.indices.filter { sizes[$0]?[label] != nil }
            if having.isEmpty {
                add(.emptyClass, DataFinding.Item(place: name, detail: ""))
            } else if trained[label] == nil {
                add(
                    .missingFromTraining,
                    DataFinding.Item(
                        place: name,
                        detail: "\(having.map { data.splits[$0].name }.joined(separator: ", ")) has images of it, "
                            + "\(training.name) has none",
                        remedy: "add training images, or remove the class from the other splits"))
            }
            guard !having.isEmpty else { continue }
            for (split, sizes) in zip(data.splits, sizes).dropFirst() where sizes != nil && sizes?[label] == nil {
                add(.missingFromSplit, DataFinding.Item(place: name, detail: "not in \(split.name)"))
            }
        }
    }

    mutating func addNotes(_ split: DataImages.Split) {
        guard let notes = split.notes else { return }
        for (tally, what) in [
            (notes.hidden, "hidden"), (notes.others, "not named as images"),
            (notes.unusable, "links to nothing, pipes or names that are no UTF-8"),
        ] where tally.count > 0 {
            let examples = tally.examples.joined(separator: ", ") + (tally.count > tally.examples.count ? ", …" : "")
            add(
                .leftOut, count: tally.count,
                DataFinding.Item(place: split.name, detail: "\(tally.count) \(what) (\(examples))"))
        }
    }
}

extension ImageFacts {
    var area: Int { Int(width) * Int(height) }

    fileprivate var hasAlpha: Bool { colorSpace == .greyAlpha || colorSpace == .rgba }

    fileprivate var isConverted: Bool {
        switch colorSpace {
        case .palette, .cmyk, .ycck, .other: true
        case .grey, .greyAlpha, .rgb, .rgba, .yCbCr, nil: false
        }
    }

    /// Sixteen times fewer or more pixels than the median, or four times as long as wide.
    fileprivate func oddSize(median: Int) -> String? {
        let (short, long) = (min(width, height), max(width, height))
        let isFar = area < median / 16 || area / 16 > median
        return isFar || Int(long) > 4 * Int(short) ? "\(width)×\(height)" : nil
    }
}
