import Foundation
import Safetensors

/// Writes flat tables as Apache Parquet (format version 1.0): required columns, PLAIN encoding, not compressed.
///
/// Every reader knows this form. A row group holds up to `rowsOfGroup` rows, and each of its columns is one page.
struct ParquetFile {
    /// A column; all of one file have equally many rows.
    enum Column {
        case doubles([Double])
        case floats([Float])
        case int32s([Int32])
        case int64s([Int])
        case texts([String])

        var count: Int {
            switch self {
            case .doubles(let values): values.count
            case .floats(let values): values.count
            case .int32s(let values): values.count
            case .int64s(let values): values.count
            case .texts(let values): values.count
            }
        }

        /// The number of the physical type in the format.
        fileprivate var type: Int {
            switch self {
            case .int32s: 1
            case .int64s: 2
            case .floats: 4
            case .doubles: 5
            case .texts: 6
            }
        }

        /// Rows in PLAIN encoding: little-endian numbers, texts with their length before them.
        fileprivate func plain(_ rows: Range<Int>) -> [UInt8] {
            var bytes: [UInt8] = []
            func append<Integer: FixedWidthInteger>(_ value: Integer) {
                withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
            }
            switch self {
            case .doubles(let values): for row in rows { append(values[row].bitPattern) }
            case .floats(let values): for row in rows { append(values[row].bitPattern) }
            case .int32s(let values): for row in rows { append(values[row]) }
            case .int64s(let values): for row in rows { append(Int64(values[row])) }
            case .texts(let values):
                for row in rows {
                    append(UInt32(values[row].utf8.count))
                    bytes.append(contentsOf: values[row].utf8)
                }
            }
            return bytes
        }
    }

    static let rowsOfGroup = 65_536
    private static let magic = Data("PAR1".utf8)
    private static let (plain, rle, uncompressed) = (0, 3, 0)

    /// Where a column of a row group lies.
    private struct Chunk {
        let column: Int
        let offset: Int
        let size: Int
    }

    /// - Parameters:
    ///   - columns: Names and values, in order.
    ///   - metadata: Keys and texts for whoever looks.
    /// - Throws: `FileWriteError`; an old file is untouched then.
    static func write(
        _ columns: [(name: String, values: Column)], metadata: [(String, String)] = [], to path: String
    ) throws {
        let rows = columns.first?.values.count ?? 0
        precondition(columns.allSatisfy { $0.values.count == rows }, "columns of \(columns.map(\.values.count)) rows")
        let file = try AtomicFile(replacing: path)
        try file.write(magic)
        var offset = magic.count
        var groups: [(rows: Int, chunks: [Chunk])] = []
        for start in stride(from: 0, to: rows, by: rowsOfGroup) {
            let range = start..<min(start + rowsOfGroup, rows)
            var chunks: [Chunk] = []
            for (index, column) in columns.enumerated() {
                let values = column.values.plain(range)
                let page = Data(header(values: range.count, bytes: values.count) + values)
                try file.write(page)
                chunks.append(Chunk(column: index, offset: offset, size: page.count))
                offset += page.count
            }
            groups.append((range.count, chunks))
        }
        let footer = footer(columns, rows: rows, groups, metadata)
        var end = Data(footer)
        end.append(littleEndian: UInt32(footer.count))
        try file.write(end)
        try file.write(magic)
        try file.commit()
    }

    /// PageHeader of a data page without levels, as columns are required.
    private static func header(values: Int, bytes: Int) -> [UInt8] {
        var thrift = ThriftCompact()
        thrift.int32(1, 0)
        thrift.int32(2, bytes)
        thrift.int32(3, bytes)
        thrift.structure(5) {
            $0.int32(1, values)
            $0.int32(2, plain)
            $0.int32(3, rle)
            $0.int32(4, rle)
        }
        thrift.end()
        return thrift.bytes
    }

    /// FileMetaData.
    private static func footer(
        _ columns: [(name: String, values: Column)], rows: Int, _ groups: [(rows: Int, chunks: [Chunk])],
        _ metadata: [(String, String)]
    ) -> [UInt8] {
        var thrift = ThriftCompact()
        thrift.int32(1, 1)
        // The root of the schema, then its columns.
        let elements: [Int?] = [nil] + columns.indices.map { $0 }
        thrift.structures(2, elements) { element, index in
            guard let index else {
                element.text(4, "schema")
                element.int32(5, columns.count)
                return
            }
            element.int32(1, columns[index].values.type)
            element.int32(3, 0)
            element.text(4, columns[index].name)
            if case .texts = columns[index].values { element.int32(6, 0) }
        }
        thrift.int64(3, rows)
        thrift.structures(4, groups) { group, content in
            group.structures(1, content.chunks) { chunk, place in
                chunk.int64(2, place.offset)
                chunk.structure(3) {
                    $0.int32(1, columns[place.column].values.type)
                    $0.int32s(2, [plain])
                    $0.texts(3, [columns[place.column].name])
                    $0.int32(4, uncompressed)
                    $0.int64(5, content.rows)
                    $0.int64(6, place.size)
                    $0.int64(7, place.size)
                    $0.int64(9, place.offset)
                }
            }
            group.int64(2, content.chunks.reduce(0) { $0 + $1.size })
            group.int64(3, content.rows)
        }
        if !metadata.isEmpty {
            thrift.structures(5, metadata) {
                $0.text(1, $1.0)
                $0.text(2, $1.1)
            }
        }
        thrift.text(6, "cjepa-exp")
        thrift.end()
        return thrift.bytes
    }
}
