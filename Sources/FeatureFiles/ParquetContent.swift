import Foundation
import Safetensors

/// A Parquet file as `export` writes it: required columns, PLAIN, not compressed.
///
/// Columns f0, f1, … are the features, or all of them where there is no f0. Other writers' files are told what they have
/// that is not read here.
struct ParquetContent: FeatureContent {
    private typealias Problem = ParquetFooter.Problem

    private let path: String
    private let data: Data
    private let footer: ParquetFooter
    /// Of the features among the columns, in their order.
    private let places: [Int]

    private static let magic = Array("PAR1".utf8)
    private static let encryptedMagic = Array("PARE".utf8)
    /// Metadata of more bytes than this is none of a table of features.
    private static let largestFooter = 1 << 26
    /// Likewise the head of a page.
    private static let largestHead = 1 << 16

    static func isBeginning(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: magic) || bytes.starts(with: encryptedMagic)
    }

    /// - Throws: `FeatureFileError`.
    init(path: String) throws {
        self.path = path
        data = try FileBytes.all(of: path)
        do {
            footer = try Self.footer(of: data)
        } catch {
            throw Self.error(error, file: path)
        }
        places = try FeatureColumns.places(among: footer.columns.map(\.name), file: path)
    }

    func entries() -> [FeatureEntry] {
        [FeatureEntry(name: "", shape: [footer.rows, places.count], type: "parquet", isFloatingPoint: true)]
    }

    func read(_ entry: FeatureEntry) throws -> FeatureArray {
        do {
            return FeatureArray(
                name: "", shape: entry.shape, type: entry.type,
                values: try narrowed(values(), file: path, dataset: "the table"))
        } catch let problem as Problem {
            throw Self.error(problem, file: path)
        }
    }

    private static func error(_ problem: Problem, file: String) -> FeatureFileError {
        switch problem {
        case .damaged(let what):
            FeatureFileError(file: file, message: "is a damaged Parquet file (\(what))", remedy: "write it again")
        case .unsupported(let what):
            FeatureFileError(
                file: file, message: "cannot be read here: \(what)",
                remedy: "read it with pyarrow or pandas, and store the features with numpy.save")
        }
    }

    /// The metadata at the end: its length and the magic bytes follow it.
    private static func footer(of data: Data) throws(Problem) -> ParquetFooter {
        let ending = data.suffix(magic.count)
        if ending.elementsEqual(encryptedMagic) { throw .unsupported("encryption") }
        guard ending.elementsEqual(magic), data.count >= 12,
            let length = data.littleEndian(at: data.count - 8, as: UInt32.self).map(Int.init), length <= data.count - 12
        else { throw .damaged("it ends without its metadata") }
        guard length <= largestFooter else { throw .unsupported("metadata of \(length) bytes") }
        let start = data.endIndex - 8 - length
        var reader = ThriftReader([UInt8](data[start..<(start + length)])[...])
        guard let metadata = try? reader.structure() else { throw .damaged("its metadata cannot be read") }
        if metadata[8] != nil { throw .unsupported("encryption") }
        return try ParquetFooter(metadata)
    }

    // MARK: Values

    /// The features, [rows, places.count].
    private func values() throws(Problem) -> [Double] {
        var sizes: [Int] = []
        for place in places { sizes.append(try valueSize(of: footer.columns[place])) }
        // What the columns take, before anything is reserved for them.
        let width = sizes.reduce(0, +)
        guard width == 0 || footer.rows <= data.count / width else {
            throw .damaged("it ends before its \(footer.rows) rows")
        }
        var values = [Double](repeating: 0, count: footer.rows * places.count)
        var firstRow = 0
        for group in footer.groups {
            for (column, place) in places.enumerated() {
                try read(
                    group.chunks[place], of: footer.columns[place], valueSize: sizes[column],
                    rows: firstRow..<(firstRow + group.rows)
                ) { row, value in values[row * places.count + column] = value }
            }
            firstRow += group.rows
        }
        return values
    }

    private func valueSize(of column: ParquetFooter.Column) throws(Problem) -> Int {
        guard let size = column.valueSize else {
            throw .unsupported("\(label(column)) is \(column.typeName), but features must be FLOAT, DOUBLE or FLOAT16")
        }
        guard column.isRequired else {
            throw .unsupported("\(label(column)) is optional or repeated, but features must be required")
        }
        return size
    }

    private func label(_ column: ParquetFooter.Column) -> String {
        "column " + String(column.name.prefix(40)).debugDescription
    }

    /// The pages of a column of a row group, one after the other.
    private func read(
        _ chunk: ParquetFooter.Chunk, of column: ParquetFooter.Column, valueSize: Int, rows: Range<Int>,
        take: (Int, Double) -> Void
    ) throws(Problem) {
        guard !chunk.isInOtherFile else { throw .unsupported("\(label(column)) is in another file") }
        guard chunk.codec == 0 else {
            let codec = ParquetFooter.name(chunk.codec, in: ParquetFooter.codecNames)
            throw .unsupported("\(label(column)) is compressed with \(codec)")
        }
        guard !chunk.hasDictionary else { throw .unsupported("\(label(column)) has a dictionary") }
        guard chunk.size <= data.count, chunk.offset <= data.count - chunk.size else {
            throw .damaged("\(label(column)) ends beyond the file")
        }
        var (place, row) = (chunk.offset, rows.lowerBound)
        while row < rows.upperBound {
            let page = try page(at: place, before: chunk.offset + chunk.size, of: column)
            guard page.count > 0, page.count <= rows.upperBound - row, page.size == page.count * valueSize else {
                throw .damaged("a page of \(label(column)) does not fit its column")
            }
            for index in 0..<page.count { take(row + index, number(at: page.start + index * valueSize, valueSize)) }
            row += page.count
            place = page.start + page.size
        }
    }

    /// A page of plain values: where they begin in the file, how many bytes they take, and how many they are.
    private func page(
        at place: Int, before end: Int, of column: ParquetFooter.Column
    ) throws(Problem) -> (start: Int, size: Int, count: Int) {
        let first = data.startIndex + place
        var reader = ThriftReader([UInt8](data[first..<(first + min(end - place, Self.largestHead))])[...])
        guard let head = try? reader.structure(), let size = head[3]?.integer, size >= 0,
            size <= end - place - reader.count
        else { throw .damaged("a page of \(label(column)) cannot be read") }
        guard head[1]?.integer == 0, let values = head[5], let count = values[1]?.integer else {
            let kind = ParquetFooter.name(head[1]?.integer, in: ParquetFooter.pageNames)
            throw .unsupported("\(label(column)) has a page of the kind \(kind)")
        }
        guard values[2]?.integer == 0 else {
            let encoding = ParquetFooter.name(values[2]?.integer, in: ParquetFooter.encodingNames)
            throw .unsupported("\(label(column)) is encoded as \(encoding), not as PLAIN")
        }
        guard (0...size).contains(count) else { throw .damaged("a page of \(label(column)) is cut off") }
        return (place + reader.count, size, count)
    }

    private func number(at place: Int, _ size: Int) -> Double {
        if size == 2 {
            return data.littleEndian(at: place, as: UInt16.self).map { Double(Float(halfBits: $0)) } ?? .nan
        }
        if size == 4 {
            return data.littleEndian(at: place, as: UInt32.self).map { Double(Float(bitPattern: $0)) } ?? .nan
        }
        return data.littleEndian(at: place, as: UInt64.self).map { Double(bitPattern: $0) } ?? .nan
    }
}
