import Datasets
import ExperimentSpec
import Foundation
import ImageCodecs

/// One kind of thing that a check found, with where.
struct DataFinding: Encodable {
    /// As many of a kind as somebody reads at once.
    static let shown = 20

    enum Kind: String, Encodable, CaseIterable {
        case unreadable, unusable, missingFromTraining, unreadableSkipped, duplicatesAcrossSplits,
            duplicatesWithOtherClass, duplicates, emptyClass
        case missingFromSplit, colourSpace, alpha, sixteenBits, orientation, size, otherFormat, remark, leftOut

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(name)
        }

        /// In snake_case.
        var name: String {
            rawValue.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
        }

        var wouldFail: Bool { [.unreadable, .unusable, .missingFromTraining].contains(self) }

        /// What it means, for people.
        var title: String {
            switch self {
            case .unreadable: "cannot be read: training would fail"
            case .unusable: "things that the spec needs and the images lack: training would fail"
            case .unreadableSkipped: "cannot be read: left out of every run, as data.on_unreadable: skip says"
            case .missingFromTraining: "classes without a training image: training would fail"
            case .duplicatesAcrossSplits: "byte-identical images in several splits: tests see training images"
            case .duplicatesWithOtherClass: "byte-identical images with different classes"
            case .duplicates: "byte-identical images within a split"
            case .emptyClass: "classes without any image"
            case .missingFromSplit: "classes that a split does not have"
            case .colourSpace: "neither RGB nor grey: converted"
            case .alpha: "with transparency, which is dropped"
            case .sixteenBits: "of 16 bits, of which 8 are kept"
            case .orientation: "turned by EXIF, which is ignored unless asked for"
            case .size: "much smaller, larger or narrower than the others"
            case .otherFormat: "named as another format than they are: read as what they are"
            case .remark: "with something strange that is no error"
            case .leftOut: "left out of a folder"
            }
        }
    }

    struct Item: Encodable {
        /// A file, an image, a class or a folder.
        let place: String
        let detail: String
        var remedy: String?
    }

    let kind: Kind
    private(set) var count = 0
    let wouldFail: Bool
    /// The first of them.
    private(set) var items: [Item] = []
    /// Most items that are kept.
    private let limit: Int

    private enum CodingKeys: CodingKey { case kind, count, wouldFail, items }

    init(_ kind: Kind, limit: Int?) {
        self.kind = kind
        wouldFail = kind.wouldFail
        self.limit = limit ?? .max
    }

    mutating func add(_ item: @autoclosure () -> Item, count more: Int = 1) {
        count += more
        if items.count < limit { items.append(item()) }
    }

    var text: String {
        var lines = ["\(count) \(kind.title)"]
        for item in items {
            // A name cannot end its line.
            let line = "    \(item.place)" + (item.detail.isEmpty ? "" : ": \(item.detail)")
            lines.append(line.replacing("\n", with: "\\n"))
            if let remedy = item.remedy { lines.append("        → \(remedy)") }
        }
        if kind.listsEach, count > items.count {
            lines.append("    … and \(count - items.count) more; --all lists them")
        }
        return lines.joined(separator: "\n")
    }
}

extension DataFinding.Kind {
    /// Whether there is an item for each that is counted.
    fileprivate var listsEach: Bool { self != .leftOut }
}
