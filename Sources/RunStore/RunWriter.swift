package import ExperimentSpec
import Foundation
import HDF5

/// Collects the results of one run and stores them as one HDF5 file.
///
/// Nothing on disk changes until `commit()`, which writes a whole new file and puts it in the old one's place: a reader,
/// or a crash at any moment, finds the old file or the new one. Tables are kept in memory; matrices only until the next
/// commit, later ones copy them from the file as they are.
package final class RunWriter {
    /// A matrix or vector that is not in the file yet.
    private enum PendingArray {
        case floats(FloatMatrix)
        /// Of any shape; a matrix is compressed.
        case integers([Int32], shape: [Int], attributes: [String: AttributeValue])
        case strings([String], attributes: [String: AttributeValue])
    }

    package let path: String
    /// Identity and status; stored by the next commit.
    package var header: RunHeader
    package let configuration: RunConfiguration
    private var provenance: [String: AttributeValue] = [:]
    /// As collected so far.
    package private(set) var tables: [String: MetricTable] = [:]
    private var pending: [String: PendingArray] = [:]
    /// Paths of arrays that the file at `path` holds and the next one is to hold too.
    private var kept: Set<String> = []
    /// Why something that was measured does not fit what a former attempt stored; the next commit says so.
    private var misfit: RunStoreError?
    /// Attributes given for objects, by path.
    private var attributes: [String: [String: AttributeValue]] = [:]

    /// Attributes of tables and columns that every commit derives anew.
    private static let ownAttributes: Set<String> = ["columns", "NX_class", "axes", "signal", "unit", "convention"]

    private init(path: String, header: RunHeader, configuration: RunConfiguration) {
        self.path = path
        self.header = header
        self.configuration = configuration
    }

    /// Starts a new file; one that is there is replaced by the first commit.
    package static func create(
        at path: String, header: RunHeader, configuration: RunConfiguration
    ) throws -> RunWriter {
        RunWriter(path: path, header: header, configuration: configuration)
    }

    /// Goes on with a file: rows and embeddings of later steps are dropped, everything else is kept.
    /// - Throws: `RunStoreError` where the file is damaged or cannot be read.
    package static func resume(at path: String, keepingThroughStep step: Int) throws -> RunWriter {
        let file = try RunFile(path: path)
        let writer = RunWriter(path: path, header: file.header, configuration: file.configuration)
        writer.provenance = try file.provenanceValues()
        for name in file.tableNames {
            var table = try file.table(name)
            table.keep(throughStep: step)
            writer.tables[name] = table
        }
        let contents = file.contents
        writer.kept = Set(contents.arrays.filter { (RunFormat.step(ofEmbeddings: $0) ?? 0) <= step })
        // Attributes of kept arrays are copied with them; those of what is written anew are remembered.
        let columns = writer.tables.flatMap { name, table in
            (table.columns + table.vectorColumns).map { "\(name)/\($0)" }
        }
        let groups = contents.groups.filter { group in
            writer.tables[group] != nil || (writer.kept + columns).contains { $0.hasPrefix(group + "/") }
        }
        for path in groups + columns {
            writer.attributes[path] = try file.attributes(of: path).filter { !ownAttributes.contains($0.key) }
        }
        return writer
    }

    // MARK: Collecting

    /// Adds a row to "steps", "evaluation/target" or another table; it begins with the column "step".
    ///
    /// A column that comes later has NaN in the rows before it; one without a value gets NaN.
    ///
    /// What a former attempt stored under that name may be something else; then the next commit throws.
    package func append(_ table: String, _ row: [(String, Double)]) {
        change(table) { (rows: inout MetricTable) throws(MetricTableError) in try rows.append(row, to: table) }
    }

    package func append(_ table: String, _ row: KeyValuePairs<String, Double>) {
        append(table, row.map { ($0.key, $0.value) })
    }

    /// Sets a vector of the table's last row; all vectors of a column have one length.
    package func append(vector: [Double], to table: String, column: String) {
        change(table) { (rows: inout MetricTable) throws(MetricTableError) in
            try rows.append(vector: vector, to: table, column: column)
        }
    }

    private func change(_ name: String, _ body: (inout MetricTable) throws(MetricTableError) -> Void) {
        do {
            try body(&tables[normalized(name), default: MetricTable()])
        } catch {
            misfit =
                misfit
                ?? RunStoreError(
                    file: path, message: "/\(normalized(name)) does not belong to this run: \(error.message)",
                    remedy: RunFile.remedy(for: path))
        }
    }

    /// The table as collected so far.
    package func table(_ name: String) -> MetricTable? { tables[normalized(name)] }

    /// Stores a matrix, [rows, columns]; replaces one of that path.
    package func setMatrix(
        _ path: String, rows: Int, columns: Int, _ values: [Float], attributes: [String: AttributeValue] = [:]
    ) {
        let path = normalized(path)
        pending[path] = .floats(FloatMatrix(rows: rows, columns: columns, values: values, attributes: attributes))
        kept.remove(path)
    }

    /// Stores a vector of integers; replaces one of that path.
    package func setIntegers(_ path: String, _ values: [Int32], attributes: [String: AttributeValue] = [:]) {
        let path = normalized(path)
        pending[path] = .integers(values, shape: [values.count], attributes: attributes)
        kept.remove(path)
    }

    /// Stores rows of integers, compressed; replaces a matrix of that path. All rows have one length.
    package func setIntegers(_ path: String, rows: [[Int32]], attributes: [String: AttributeValue] = [:]) {
        let columns = rows.first?.count ?? 0
        precondition(rows.allSatisfy { $0.count == columns }, "\(path): rows of \(rows.map(\.count)) integers")
        let path = normalized(path)
        pending[path] = .integers(rows.flatMap { $0 }, shape: [rows.count, columns], attributes: attributes)
        kept.remove(path)
    }

    /// Stores a vector of texts; replaces one of that path.
    package func setStrings(_ path: String, _ values: [String], attributes: [String: AttributeValue] = [:]) {
        let path = normalized(path)
        pending[path] = .strings(values, attributes: attributes)
        kept.remove(path)
    }

    /// Stores the names of the classes 0, 1, …
    ///
    /// - Parameter order: In what order they are numbered, in words.
    package func setClassNames(_ names: [String], order: String) {
        guard !names.isEmpty else { return }
        setStrings(
            RunFormat.classNames, names, attributes: ["order": .string("row i names class i; \(order)")])
    }

    /// Sets entries of the provenance; others stay.
    package func setProvenance(_ entries: [String: AttributeValue]) {
        provenance.merge(entries) { $1 }
    }

    /// Sets attributes of a table ("evaluation/target"), a column ("steps/loss"), a matrix, or a group; others stay.
    package func setAttributes(of path: String, _ values: [String: AttributeValue]) {
        attributes[normalized(path), default: [:]].merge(values) { $1 }
    }

    private func normalized(_ path: String) -> String { path.split(separator: "/").joined(separator: "/") }

    // MARK: Storing

    /// Puts a new file with everything collected in the place of the old one.
    ///
    /// - Throws: `FileWriteError` (disk full, not permitted), with the old file untouched; `HDF5Error` or
    ///   `RunStoreError` where the content cannot be laid out.
    package func commit() throws {
        if let misfit { throw misfit }
        try HDF5Output.write(to: path) { root in
            try writeRoot(root)
            for (name, table) in tables.sorted(by: { $0.key < $1.key }) { try write(table, name, in: root) }
            if !kept.isEmpty {
                try RunFile.explaining(path) {
                    let old = try HDF5File(reading: path)
                    for path in kept.sorted() { try root.copy(path, of: old.root, to: path) }
                }
            }
            for (path, array) in pending.sorted(by: { $0.key < $1.key }) { try write(array, path, in: root) }
            for (path, values) in attributes.sorted(by: { $0.key < $1.key }) {
                switch try root.kind(of: path) {
                case .group: try root.group(path).attributes.write(values)
                case .dataset: try root.dataset(path).attributes.write(values)
                default:
                    throw RunStoreError(
                        file: self.path, message: "attributes are given for \(path), which it does not hold",
                        remedy: "store \(path) before its attributes")
                }
            }
        }
        kept.formUnion(pending.keys)
        pending = [:]
    }

    private func writeRoot(_ root: HDF5Group) throws {
        try root.attributes.write([
            "format": .string(RunFormat.runFile), "format_version": .integer(RunFormat.version),
            "experiment": .string(header.experiment), "arm": .string(header.arm), "seed": .integer(header.seed),
            "configuration_hash": .string(header.configurationHash), "status": .string(header.status.rawValue),
            // Viewers that know NeXus open the series first.
            "NX_class": "NXroot", "default": "steps",
        ])
        let json = String(decoding: try StoredJSON.encode(configuration), as: UTF8.self)
        try root.create("configuration", json).attributes.write([
            "convention": "JSON, keys in snake_case; every default filled in"
        ])
        try root.requireGroup("provenance").attributes.write(provenance)
    }

    private func write(_ table: MetricTable, _ name: String, in root: HDF5Group) throws {
        let group = try root.requireGroup(name)
        for column in table.columns {
            let dataset = try group.create(column, table[column]!, shape: [table.rowCount])
            try writeConvention(dataset, table: name, column: column)
        }
        for column in table.vectorColumns {
            let vectors = table.vectors(column)!
            let shape = [vectors.count, vectors[0].count]
            let bytes = shape[0] * shape[1] * MemoryLayout<Double>.size
            let dataset = try group.create(
                column, vectors.flatMap { $0 }, shape: shape,
                storage: bytes < 1 << 16 ? nil : .compressed(shape: shape, elementByteCount: 8))
            try writeConvention(dataset, table: name, column: column)
        }
        let signal =
            (["loss"] + MetricConvention.mainMetrics.prefix(1) + ["rankme"]).first { table.columns.contains($0) }
            ?? table.columns.dropFirst().first
        try group.attributes.write([
            "columns": .strings(table.columns), "NX_class": "NXdata", "axes": .strings(["step"]),
            "signal": .string(signal ?? "step"),
        ])
    }

    private func writeConvention(_ dataset: HDF5Dataset, table: String, column: String) throws {
        guard let convention = MetricConvention.of(table: table, column: column) else { return }
        try dataset.attributes.write([
            "unit": .string(convention.unit), "convention": .string(convention.text),
        ])
    }

    private func write(_ array: PendingArray, _ path: String, in root: HDF5Group) throws {
        switch array {
        case .floats(let matrix):
            let shape = [matrix.rows, matrix.columns]
            let storage =
                matrix.values.isEmpty ? nil : HDF5Storage.compressed(shape: shape, elementByteCount: 4)
            try root.create(path, matrix.values, shape: shape, storage: storage).attributes.write(matrix.attributes)
        case .integers(let values, let shape, let attributes):
            let storage =
                shape.count < 2 || values.isEmpty
                ? nil : HDF5Storage.compressed(shape: shape, elementByteCount: 4)
            try root.create(path, values, shape: shape, storage: storage).attributes.write(attributes)
        case .strings(let values, let attributes):
            try root.create(path, values).attributes.write(attributes)
        }
    }
}
