/// Cuts a stream of bytes into lines; a line longer than `longestLine` bytes is handed over in pieces.
///
/// Bytes that are not UTF-8 become replacement characters, so no output of a worker can stop its reader.
struct LineSplitter {
    let longestLine: Int
    private var pending: [UInt8] = []

    init(longestLine: Int = 1 << 20) {
        precondition(longestLine > 0, "longestLine is \(longestLine), but must be positive")
        self.longestLine = longestLine
    }

    /// The lines that `bytes` complete, without line feeds; empty lines are left out.
    mutating func append(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                take(into: &lines)
            } else {
                pending.append(byte)
                if pending.count == longestLine { take(into: &lines) }
            }
        }
        return lines
    }

    /// What came after the last line feed.
    mutating func finish() -> [String] {
        var lines: [String] = []
        take(into: &lines)
        return lines
    }

    private mutating func take(into lines: inout [String]) {
        if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        if !pending.isEmpty { lines.append(String(decoding: pending, as: UTF8.self)) }
        pending.removeAll(keepingCapacity: true)
    }
}
