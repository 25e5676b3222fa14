/// The bytes of a pickle in order, through a window of the file.
struct PickleInput {
    /// Lines of protocol 0 and names of classes are short; what is longer is no pickle.
    private static let longestLine = 1 << 16
    private static let windowSize = 1 << 16

    let size: Int
    private(set) var offset: Int
    private let fetch: PickleDocument.Fetch
    private var window: [UInt8] = []
    private var windowStart: Int

    init(size: Int, from offset: Int, fetch: @escaping PickleDocument.Fetch) {
        self.size = size
        self.offset = offset
        self.fetch = fetch
        windowStart = offset
    }

    var remaining: Int { size - offset }

    func failure(_ problem: String) -> PickleError { PickleError(offset: offset, problem: problem) }

    mutating func byte() throws -> UInt8 {
        if offset - windowStart >= window.count || offset < windowStart {
            guard remaining > 0 else { throw failure("the pickle is truncated: it ends without the opcode STOP") }
            window = try fetch(offset, min(remaining, Self.windowSize))
            windowStart = offset
            guard !window.isEmpty else { throw failure("the pickle is truncated") }
        }
        defer { offset += 1 }
        return window[offset - windowStart]
    }

    /// - Throws: `PickleError` where the file has fewer bytes; nothing is allocated then.
    mutating func bytes(_ count: Int) throws -> [UInt8] {
        let start = offset
        try skip(count)
        let place = start - windowStart
        if place >= 0, place + count <= window.count { return Array(window[place..<place + count]) }
        return try fetch(start, count)
    }

    mutating func skip(_ count: Int) throws {
        guard count <= remaining else {
            throw failure("the pickle is truncated: \(count) bytes are announced, \(remaining) are there")
        }
        offset += count
    }

    /// A little-endian number of up to eight bytes.
    mutating func unsigned(_ width: Int) throws -> Int {
        var value: UInt64 = 0
        for place in 0..<width { value |= UInt64(try byte()) << UInt64(8 * place) }
        guard let number = Int(exactly: value) else { throw failure("a length of \(value) is announced") }
        return number
    }

    /// Up to the end of the line, which is left out.
    mutating func line() throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            let next = try byte()
            if next == UInt8(ascii: "\n") { return line }
            line.append(next)
            guard line.count <= Self.longestLine else {
                throw failure("a line is longer than \(Self.longestLine) bytes")
            }
        }
    }

    mutating func textLine() throws -> String {
        let line = try line()
        guard let text = String(validating: line, as: UTF8.self) else { throw failure("a name is no UTF-8") }
        return text
    }
}
