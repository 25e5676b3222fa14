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

        fileprivate var kind: ParquetMetadata.Column.Kind {
            switch self {
            case .int32s: .int32
            case .int64s: .int64
            case .floats: .float
            case .doubles: .double
            case .texts: .text
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
        try file.write(Data(ParquetMetadata.magic))
        var offset = ParquetMetadata.magic.count
        var groups: [ParquetMetadata.Group] = []
        for start in stride(from: 0, to: rows, by: rowsOfGroup) {
            let range = start..<min(start + rowsOfGroup, rows)
            var chunks: [ParquetMetadata.Chunk] = []
            for column in columns {
                let values = column.values.plain(range)
                let page = Data(ParquetMetadata.pageHeader(values: range.count, bytes: values.count) + values)
                try file.write(page)
                chunks.append(ParquetMetadata.Chunk(offset: offset, size: page.count))
                offset += page.count
            }
            groups.append((range.count, chunks))
        }
        let described = columns.map { ParquetMetadata.Column(name: $0.name, kind: $0.values.kind) }
        let ending = ParquetMetadata.ending(
            described, rows: rows, groups, metadata: metadata.map { (key: $0.0, value: $0.1) })
        try file.write(Data(ending))
        try file.commit()
    }
}
