/// What Parquet writes around the values of flat tables: required columns, PLAIN encoding, not compressed, one page for
/// each column of a row group.
enum ParquetMetadata {
    /// A column as the format knows it.
    struct Column {
        enum Kind {
            case int32, int64, float, double
            /// Floating-point numbers of 16 bits.
            case half
            /// UTF-8.
            case text
        }

        let name: String
        let kind: Kind

        /// The number of the physical type in the format.
        fileprivate var type: Int {
            switch kind {
            case .int32: 1
            case .int64: 2
            case .float: 4
            case .double: 5
            case .text: 6
            case .half: 7
            }
        }
    }

    /// Where a column of a row group lies, its page's header included.
    struct Chunk {
        let offset: Int
        let size: Int
    }

    /// Rows, and one chunk for each column, in their order.
    typealias Group = (rows: Int, chunks: [Chunk])

    static let magic = Array("PAR1".utf8)
    private static let (plain, rle, uncompressed) = (0, 3, 0)

    /// PageHeader of a data page without levels, as columns are required.
    static func pageHeader(values: Int, bytes: Int) -> [UInt8] {
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

    /// What ends a file: FileMetaData, its length, the mark.
    static func ending(
        _ columns: [Column], rows: Int, _ groups: [Group], metadata: [(key: String, value: String)]
    ) -> [UInt8] {
        let footer = footer(columns, rows: rows, groups, metadata)
        return footer + withUnsafeBytes(of: UInt32(footer.count).littleEndian) { Array($0) } + magic
    }

    private static func footer(
        _ columns: [Column], rows: Int, _ groups: [Group], _ metadata: [(key: String, value: String)]
    ) -> [UInt8] {
        var thrift = ThriftCompact()
        thrift.int32(1, 1)
        // The root of the schema, then its columns.
        let elements: [Column?] = [nil] + columns
        thrift.structures(2, elements) { element, column in
            guard let column else {
                element.text(4, "schema")
                element.int32(5, columns.count)
                return
            }
            element.int32(1, column.type)
            if column.kind == .half { element.int32(2, 2) }
            element.int32(3, 0)
            element.text(4, column.name)
            if column.kind == .text { element.int32(6, 0) }
            // LogicalType, of which FLOAT16 is the fifteenth.
            if column.kind == .half { element.structure(10) { $0.structure(15) { _ in } } }
        }
        thrift.int64(3, rows)
        thrift.structures(4, groups) { group, content in
            group.structures(1, Array(zip(columns, content.chunks))) { chunk, place in
                chunk.int64(2, place.1.offset)
                chunk.structure(3) {
                    $0.int32(1, place.0.type)
                    $0.int32s(2, [plain])
                    $0.texts(3, [place.0.name])
                    $0.int32(4, uncompressed)
                    $0.int64(5, content.rows)
                    $0.int64(6, place.1.size)
                    $0.int64(7, place.1.size)
                    $0.int64(9, place.1.offset)
                }
            }
            group.int64(2, content.chunks.reduce(0) { $0 + $1.size })
            group.int64(3, content.rows)
        }
        if !metadata.isEmpty {
            thrift.structures(5, metadata) {
                $0.text(1, $1.key)
                $0.text(2, $1.value)
            }
        }
        thrift.text(6, "cjepa-exp")
        thrift.end()
        return thrift.bytes
    }
}
