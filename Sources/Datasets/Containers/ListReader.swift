import Foundation

/// Hands over the lines of a text file one by one, whatever its size.
struct ListReader {
    /// A line that is longer is no line of a list.
    private static let longestLine = 1 << 16

    let file: PositionalFile

    /// - Parameter body: Takes the number of the line, from 1, and its text without blanks around it; not those that are
    ///   empty.
    func forEachLine(_ body: (Int, String) throws -> Void) throws {
        try forEachBytes { try body($0, String(decoding: $1, as: UTF8.self)) }
    }

    /// The same with the bytes of the text, which are UTF-8: many times faster where lists have millions of lines.
    func forEachBytes(_ body: (Int, ArraySlice<UInt8>) throws -> Void) throws {
        var number = 0
        var rest: [UInt8] = []
        func take(_ line: ArraySlice<UInt8>) throws {
            number += 1
            guard line.count <= Self.longestLine else {
                throw failure(number, "is longer than \(Self.longestLine) bytes")
            }
            var line = line
            if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
            line = Self.trimmed(line)
            guard !line.isEmpty else { return }
            guard line.allSatisfy({ $0 < 0x80 }) || String(validating: line, as: UTF8.self) != nil else {
                throw failure(number, "is no text in UTF-8")
            }
            try body(number, line)
        }
        try file.forEachPiece { _, piece in
            var start = piece.startIndex
            while let end = piece[start...].firstIndex(of: UInt8(ascii: "\n")) {
                if rest.isEmpty {
                    try take(piece[start..<end])
                } else {
                    rest += piece[start..<end]
                    try take(rest[...])
                    rest = []
                }
                start = end + 1
            }
            rest += piece[start...]
            guard rest.count <= Self.longestLine else {
                throw failure(number + 1, "is longer than \(Self.longestLine) bytes")
            }
        }
        if !rest.isEmpty { try take(rest[...]) }
    }

    /// Without blanks, tabs and carriage returns around it.
    static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line.drop(while: isBlank)
        while let last = line.last, isBlank(last) { line.removeLast() }
        return line
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

    func failure(_ line: Int, _ problem: String) -> DatasetError {
        DatasetError(place: "\(file.path):\(line)", problem: problem, remedy: file.remedy)
    }
}

/// Labels as a list gives them: all numbers or all names.
struct LabelColumn {
    private(set) var labels: [Int32] = []
    private var names: [String] = []
    private var numbers: [String: Int32] = [:]
    private var isNumeric = true

    /// Adds what a line gives; nil for none.
    mutating func append(_ text: String?) {
        guard let text else {
            labels.append(-1)
            return
        }
        if Int32(text).map({ !ImageIndex.classNumbers.contains($0) }) ?? true { isNumeric = false }
        let known = numbers[text] ?? Int32(clamping: names.count)
        if known == names.count {
            names.append(text)
            numbers[text] = known
        }
        labels.append(known)
    }

    /// Class of each line, and the names of classes, sorted by bytes; no names where all labels are numbers.
    func resolved() -> (labels: [Int32], classNames: [String]) {
        if isNumeric {
            let values = names.map { Int32($0) ?? -1 }
            return (labels.map { $0 < 0 ? $0 : values[Int($0)] }, [])
        }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let order = Dictionary(uniqueKeysWithValues: zip(sorted, (0..<Int32(clamping: sorted.count))))
        return (labels.map { $0 < 0 ? $0 : order[names[Int($0)]] ?? -1 }, sorted)
    }
}
