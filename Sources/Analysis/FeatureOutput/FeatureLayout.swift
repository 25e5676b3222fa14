import Safetensors

/// How the features of a table lie in a file, with all that belongs to them: every place is known before the first value.
protocol FeatureLayout: Sendable {
    /// Bytes of the whole file.
    var byteCount: Int { get }

    /// Brings the features of some rows to their places; called by several threads at once.
    ///
    /// - Parameter bytes: One row after the other, as `FeatureNumber` has them.
    /// - Throws: `FileWriteError`, as everything that follows.
    func write(_ bytes: [UInt8], rows: Range<Int>, to file: PartialFile) throws
    /// The features of some rows, as they were written.
    func read(rows: Range<Int>, from file: PartialFile) throws -> [UInt8]
    /// Writes everything but the features.
    ///
    /// - Parameter features: Over all rows in their order.
    func complete(_ file: PartialFile, features: Checksum32) throws
    /// Files beside the one at `path` that belong to it.
    func companions(of path: String) -> [String]
    /// Writes these.
    func writeCompanions(of path: String) throws
}

extension FeatureLayout {
    func companions(of path: String) -> [String] { [] }
    func writeCompanions(of path: String) throws {}
}

/// A layout in which rows lie one behind the other.
protocol RowLayout: FeatureLayout {
    var table: FeatureTable { get }
    /// Byte of the first feature.
    var featureOffset: Int { get }
}

extension RowLayout {
    func write(_ bytes: [UInt8], rows: Range<Int>, to file: PartialFile) throws {
        try file.write(bytes, at: featureOffset + rows.lowerBound * table.rowBytes)
    }

    func read(rows: Range<Int>, from file: PartialFile) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: rows.count * table.rowBytes)
        try bytes.withUnsafeMutableBytes {
            try file.read(into: $0, at: featureOffset + rows.lowerBound * table.rowBytes)
        }
        return bytes
    }
}

extension FeatureTable {
    /// Writes all labels as int32.
    func writeLabels(to output: inout SequentialOutput) throws {
        for row in 0..<rows { try output.append(littleEndian: label(row)) }
    }
}

extension SequentialOutput {
    /// Writes texts of one size, shorter ones filled up with zeros.
    mutating func append(_ texts: some Sequence<String>, filledTo size: Int) throws {
        for text in texts {
            let bytes = Array(text.utf8.prefix(size))
            try append(bytes + Array(repeating: 0, count: size - bytes.count))
        }
    }

    /// Writes texts as NumPy's `U`: code points of 4 bytes, of equally many each.
    mutating func append(_ texts: some Sequence<String>, points length: Int) throws {
        for text in texts {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(4 * length)
            for point in text.unicodeScalars.prefix(length) {
                withUnsafeBytes(of: point.value.littleEndian) { bytes.append(contentsOf: $0) }
            }
            try append(bytes + Array(repeating: 0, count: 4 * length - bytes.count))
        }
    }
}
