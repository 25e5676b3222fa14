import Safetensors

/// A Parquet table: `name`, `label`, `label_name`, `f0`, `f1`, …, one row for each image.
///
/// A row group holds as many rows as go into half a gibibyte, 65,536 at most; each of its columns is one page, into which
/// the values of a few images go at a time.
struct ParquetLayout: FeatureLayout {
    /// A column of a row group.
    private struct Page {
        let offset: Int
        let header: [UInt8]
        /// Of the values, which follow the header.
        let byteCount: Int

        var valueOffset: Int { offset + header.count }
    }

    private struct Group {
        let rows: Range<Int>
        let pages: [Page]
    }

    private let table: FeatureTable
    private let groups: [Group]
    private let ending: [UInt8]
    private let rowsOfGroup: Int

    /// Columns before the features.
    private static let texts = 3
    private static let groupBytes = 512 << 20

    let byteCount: Int

    /// - Parameter rowsOfGroup: None: as above.
    /// - Precondition: One axis, and numbers that Parquet has.
    init(_ table: FeatureTable, rowsOfGroup given: Int? = nil) {
        precondition(table.shape.count == 1 && table.number != .bfloat16, "\(table.shape) \(table.number)")
        self.table = table
        let most = given ?? min(ParquetFile.rowsOfGroup, max(1024, Self.groupBytes / table.rowBytes))
        rowsOfGroup = most
        var place = ParquetMetadata.magic.count
        groups = stride(from: 0, to: table.rows, by: most).map { start in
            let rows = start..<min(start + most, table.rows)
            let (names, classes) = rows.reduce(into: (0, 0)) { sums, row in
                sums.0 += 4 + table.name(row).utf8.count
                sums.1 += 4 + table.className(row).utf8.count
            }
            let features = Array(repeating: rows.count * table.number.byteCount, count: table.width)
            let pages = ([names, 4 * rows.count, classes] + features).map { bytes in
                let header = ParquetMetadata.pageHeader(values: rows.count, bytes: bytes)
                defer { place += header.count + bytes }
                return Page(offset: place, header: header, byteCount: bytes)
            }
            return Group(rows: rows, pages: pages)
        }
        let kind: ParquetMetadata.Column.Kind = table.number == .float16 ? .half : .float
        let columns: [ParquetMetadata.Column] =
            [
                .init(name: "name", kind: .text), .init(name: "label", kind: .int32),
                .init(name: "label_name", kind: .text),
            ]
            + (0..<table.width).map { .init(name: "f\($0)", kind: kind) }
        let described = groups.map { group -> ParquetMetadata.Group in
            (
                group.rows.count,
                group.pages.map { .init(offset: $0.offset, size: $0.header.count + $0.byteCount) }
            )
        }
        ending = ParquetMetadata.ending(columns, rows: table.rows, described, metadata: table.origin)
        byteCount = place + ending.count
    }

    func write(_ bytes: [UInt8], rows: Range<Int>, to file: PartialFile) throws {
        let (size, width) = (table.number.byteCount, table.width)
        var column = [UInt8](repeating: 0, count: rows.count * size)
        for part in parts(of: rows) {
            let first = part.rows.lowerBound - rows.lowerBound
            for feature in 0..<width {
                for row in 0..<part.rows.count {
                    let source = ((first + row) * width + feature) * size
                    for byte in 0..<size { column[row * size + byte] = bytes[source + byte] }
                }
                try column.withUnsafeBytes {
                    try file.write(
                        UnsafeRawBufferPointer(rebasing: $0.prefix(part.rows.count * size)), at: part.place(feature))
                }
            }
        }
    }

    func read(rows: Range<Int>, from file: PartialFile) throws -> [UInt8] {
        let (size, width) = (table.number.byteCount, table.width)
        var bytes = [UInt8](repeating: 0, count: rows.count * table.rowBytes)
        var column = [UInt8](repeating: 0, count: rows.count * size)
        for part in parts(of: rows) {
            let first = part.rows.lowerBound - rows.lowerBound
            for feature in 0..<width {
                try column.withUnsafeMutableBytes {
                    try file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: $0.prefix(part.rows.count * size)),
                        at: part.place(feature))
                }
                for row in 0..<part.rows.count {
                    let target = ((first + row) * width + feature) * size
                    for byte in 0..<size { bytes[target + byte] = column[row * size + byte] }
                }
            }
        }
        return bytes
    }

    /// Rows of one group.
    private struct Part {
        let rows: Range<Int>
        /// Byte at which the values of these rows begin, by the number of the feature.
        let place: (Int) -> Int
    }

    private func parts(of rows: Range<Int>) -> [Part] {
        groups[(rows.lowerBound / rowsOfGroup)...].prefix { $0.rows.lowerBound < rows.upperBound }.map { group in
            let part = rows.clamped(to: group.rows)
            let before = (part.lowerBound - group.rows.lowerBound) * table.number.byteCount
            return Part(rows: part) { group.pages[Self.texts + $0].valueOffset + before }
        }
    }

    func complete(_ file: PartialFile, features: Checksum32) throws {
        try file.write(ParquetMetadata.magic, at: 0)
        for group in groups {
            for page in group.pages { try file.write(page.header, at: page.offset) }
            var names = SequentialOutput(file, at: group.pages[0].valueOffset)
            var labels = SequentialOutput(file, at: group.pages[1].valueOffset)
            var classes = SequentialOutput(file, at: group.pages[2].valueOffset)
            for row in group.rows {
                try labels.append(littleEndian: table.label(row))
                try names.append(text: table.name(row))
                try classes.append(text: table.className(row))
            }
            try labels.flush()
            try names.flush()
            try classes.flush()
        }
        try file.write(ending, at: byteCount - ending.count)
    }
}

extension SequentialOutput {
    /// A text as Parquet's PLAIN encoding has it: its length, then UTF-8.
    fileprivate mutating func append(text: String) throws {
        try append(littleEndian: UInt32(text.utf8.count))
        try append(text.utf8)
    }
}
