/// Reads the records of separated text one after the other (RFC 4180).
///
/// Fields may be quoted, and then hold separators, line breaks and doubled quotes; lines end in LF, CR LF or CR.
struct RecordReader {
    /// What is wrong, and on which line.
    struct Problem: Error {
        let line: Int
        let message: String
    }

    private let bytes: [UInt8]
    private let separator: UInt8
    private var place: Int
    /// Line of `place`, from 1.
    private var line = 1
    /// Line on which the record that was read last begins.
    private(set) var recordLine = 1

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(_ bytes: [UInt8], separator: UInt8) {
        self.bytes = bytes
        self.separator = separator
        place = bytes.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
    }

    /// The fields of the next record that is not an empty line; none at the end.
    /// - Throws: `Problem`.
    mutating func next() throws -> [String]? {
        while place < bytes.count {
            recordLine = line
            var fields = [try field()]
            while place < bytes.count, bytes[place] == separator {
                place += 1
                fields.append(try field())
            }
            endLine()
            if fields != [""] { return fields }
        }
        return nil
    }

    /// A field, up to the separator or the end of its line.
    private mutating func field() throws -> String {
        if place < bytes.count, bytes[place] == Self.quote { return try quotedField() }
        let start = place
        while place < bytes.count, !isEnd(bytes[place]) { place += 1 }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    private mutating func quotedField() throws -> String {
        let first = line
        var content: [UInt8] = []
        place += 1
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if byte == Self.quote {
                guard place < bytes.count, bytes[place] == Self.quote else {
                    guard place == bytes.count || isEnd(bytes[place]) else {
                        throw Problem(line: line, message: "has text after a closing quotation mark")
                    }
                    return String(decoding: content, as: UTF8.self)
                }
                place += 1
            } else if byte == Self.lineFeed {
                line += 1
            }
            content.append(byte)
        }
        throw Problem(line: first, message: "has a quotation mark that is never closed")
    }

    private func isEnd(_ byte: UInt8) -> Bool {
        byte == separator || byte == Self.lineFeed || byte == Self.carriageReturn
    }

    /// Steps over LF, CR LF or CR.
    private mutating func endLine() {
        guard place < bytes.count else { return }
        let isReturn = bytes[place] == Self.carriageReturn
        place += 1
        if isReturn, place < bytes.count, bytes[place] == Self.lineFeed { place += 1 }
        line += 1
    }
}
