/// What the end of a Parquet file says about its columns, in the form that `export` writes: a flat table.
struct ParquetFooter {
    struct Column {
        let name: String
        /// The format's number of the physical type.
        let type: Int?
        let isRequired: Bool
        /// Two bytes that are a floating-point number.
        var isHalf = false

        /// Bytes of a value; none for what is no floating-point number.
        var valueSize: Int? { type == 4 ? 4 : type == 5 ? 8 : isHalf ? 2 : nil }

        var typeName: String { ParquetFooter.name(type, in: ParquetFooter.typeNames) }
    }

    /// Where a column of a row group lies.
    struct Chunk {
        let offset: Int
        let size: Int
        let codec: Int?
        let hasDictionary: Bool
        let isInOtherFile: Bool
    }

    struct Group {
        let rows: Int
        /// One for each column, in their order.
        let chunks: [Chunk]
    }

    let columns: [Column]
    let groups: [Group]
    let rows: Int

    /// Why a file is not read: it is damaged, or has what is not supported.
    enum Problem: Error {
        case damaged(String)
        case unsupported(String)
    }

    /// - Parameter metadata: FileMetaData.
    init(_ metadata: ThriftValue) throws(Problem) {
        guard let schema = metadata[2]?.list, let root = schema.first, let total = metadata[3]?.integer, total >= 0,
            let groupList = metadata[4]?.list
        else { throw .damaged("its metadata names no columns or rows") }
        if let nested = schema.dropFirst().first(where: { ($0[5]?.integer ?? 0) > 0 }) {
            throw .unsupported("nested columns (\(nested[4]?.text ?? "without a name"))")
        }
        guard root[5]?.integer == schema.count - 1 else { throw .damaged("its columns are not those of its schema") }
        var columns: [Column] = []
        for element in schema.dropFirst() {
            guard let name = element[4]?.text else { throw .damaged("a column has no name") }
            // FLOAT16 is the fifteenth of the logical types.
            let isHalf = element[1]?.integer == 7 && element[2]?.integer == 2 && element[10]?[15] != nil
            columns.append(
                Column(name: name, type: element[1]?.integer, isRequired: element[3]?.integer == 0, isHalf: isHalf))
        }
        var groups: [Group] = []
        var counted = 0
        for group in groupList {
            guard let rows = group[3]?.integer, rows >= 0, rows <= total - counted, let chunks = group[1]?.list,
                chunks.count == columns.count
            else { throw .damaged("a row group does not fit its table") }
            counted += rows
            groups.append(Group(rows: rows, chunks: try chunks.map(Self.chunk)))
        }
        guard counted == total else { throw .damaged("its row groups hold \(counted) of \(total) rows") }
        self.columns = columns
        self.groups = groups
        rows = total
    }

    private static func chunk(_ value: ThriftValue) throws(Problem) -> Chunk {
        guard let metadata = value[3], let offset = metadata[9]?.integer, let size = metadata[7]?.integer, offset >= 0,
            size >= 0
        else { throw .damaged("a column does not say where its data is") }
        return Chunk(
            offset: offset, size: size, codec: metadata[4]?.integer, hasDictionary: metadata[11] != nil,
            isInOtherFile: value[1] != nil)
    }

    // MARK: Names in the format's definition

    static let typeNames = [
        "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
    ]
    static let codecNames = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]
    static let pageNames = ["DATA_PAGE", "INDEX_PAGE", "DICTIONARY_PAGE", "DATA_PAGE_V2"]
    static let encodingNames = [
        "PLAIN", "GROUP_VAR_INT", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED",
        "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT",
    ]

    /// The name of a number, or the number where it has none.
    static func name(_ number: Int?, in names: [String]) -> String {
        guard let number else { return "none" }
        return names.indices.contains(number) ? names[number] : "\(number)"
    }
}
