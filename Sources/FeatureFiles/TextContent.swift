import Foundation

/// A .csv or .tsv file of features: one row a line, with or without a heading.
///
/// With a heading that has f0, f1, …, those columns are the features, as `export` writes them; otherwise all columns are.
struct TextContent: FeatureContent {
    private let table: NumberTable
    private let path: String

    /// What separates the fields of a file with this name; none where it is no such file.
    static func separator(ofFile path: String) -> UInt8? {
        switch (path as NSString).pathExtension.lowercased() {
        case "csv": UInt8(ascii: ",")
        case "tsv": UInt8(ascii: "\t")
        default: nil
        }
    }

    /// - Throws: `FeatureFileError` that names the line.
    init(path: String, separator: UInt8) throws {
        self.path = path
        do {
            table = try NumberTable([UInt8](FileBytes.all(of: path)), separator: separator, file: path)
        } catch let problem as RecordReader.Problem {
            throw FeatureFileError(
                file: path, message: "line \(problem.line) \(problem.message)",
                remedy: "correct that line, or write the file again")
        }
    }

    func entries() -> [FeatureEntry] {
        [FeatureEntry(name: "", shape: [table.rows, table.columns], type: "text", isFloatingPoint: true)]
    }

    func read(_ entry: FeatureEntry) -> FeatureArray {
        FeatureArray(name: "", shape: entry.shape, type: entry.type, values: table.values)
    }
}

/// The numbers of a text's records.
private struct NumberTable {
    let columns: Int
    /// [rows, columns], float32 as the text says, rounded once.
    private(set) var values: [Float] = []
    private(set) var rows = 0
    /// Magnitude of the largest finite number.
    private var largest = 0.0
    private let file: String

    init(_ bytes: [UInt8], separator: UInt8, file: String) throws {
        self.file = file
        var reader = RecordReader(bytes, separator: separator)
        guard let first = try reader.next() else {
            throw FeatureFileError(file: file, message: "holds no lines", remedy: "write the features into it")
        }
        let firstLine = reader.recordLine
        let isHeading = !first.allSatisfy { Float(trimming: $0) != nil } || Self.isCount(first)
        let names = isHeading ? first : first.indices.map { "\($0 + 1)" }
        if let nameless = names.firstIndex(of: "") {
            throw FeatureFileError(
                file: file, message: "line \(firstLine): column \(nameless + 1) has no name",
                remedy: "name every column; pandas leaves out its row numbers with to_csv(…, index=False)")
        }
        let places = try FeatureColumns.places(among: names, file: file)
        columns = places.count
        if !isHeading { try add(first, places, names, line: firstLine) }
        while let fields = try reader.next() {
            guard fields.count == names.count else {
                throw RecordReader.Problem(
                    line: reader.recordLine,
                    message: "has \(fields.count) \(fields.count == 1 ? "column" : "columns"), but line \(firstLine) "
                        + "has \(names.count)")
            }
            try add(fields, places, names, line: reader.recordLine)
        }
        try FloatRange.check(largest: largest, file: file, dataset: nil)
    }

    /// "0,1,2,…": what pandas makes of columns without names.
    private static func isCount(_ fields: [String]) -> Bool {
        fields.count > 1 && fields.enumerated().allSatisfy { "\($0)" == $1 }
    }

    private mutating func add(_ fields: [String], _ places: [Int], _ names: [String], line: Int) throws {
        func problem(_ place: Int, _ what: String) -> RecordReader.Problem {
            let number = "\(place + 1)"
            let name = names[place] == number ? "" : " (\(names[place].shownInMessage))"
            return RecordReader.Problem(
                line: line, message: "has \(fields[place].shownInMessage) in column \(number)\(name), which \(what)")
        }
        for place in places {
            guard let value = Float(trimming: fields[place]) else { throw problem(place, "is not a number") }
            // Only what float32 cannot hold is read twice.
            let whole = value.isNormal || value.isNaN ? Double(value) : Double(trimming: fields[place]) ?? 0
            guard value.isFinite || !whole.isFinite else { throw problem(place, "does not fit float32") }
            if whole.isFinite { largest = max(largest, abs(whole)) }
            values.append(value)
        }
        rows += 1
    }
}

extension LosslessStringConvertible {
    /// Blanks around it do not matter.
    fileprivate init?(trimming text: String) {
        if let value = Self(text) {
            self = value
        } else {
            self.init(text.trimmingCharacters(in: .whitespaces))
        }
    }
}

extension String {
    /// In quotation marks, cut, and without control characters.
    fileprivate var shownInMessage: String { String(prefix(40)).debugDescription }
}
