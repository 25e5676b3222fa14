package import ExperimentSpec
import Foundation
import HDF5

/// Reads what `RunWriter` wrote.
///
/// The file is compared with its checksum and opened once, so that every answer is of the same content, also where the
/// run goes on and replaces the file in between.
package struct RunFile: Sendable {
    package let path: String
    package let header: RunHeader
    package let configuration: RunConfiguration
    /// Source revision, host, times…, as text.
    package let provenance: [String: String]
    /// "steps", "evaluation/target"…, sorted.
    package var tableNames: [String] { contents.tables }
    let contents: Contents
    private let file: HDF5File

    /// Whether the file agrees with a checksum that it carries; false for files of earlier versions, which carry none.
    package var isVerified: Bool { file.isSealed }
    var root: HDF5Group { file.root }

    /// - Throws: `RunStoreError` where the file is damaged, or no run file that this program reads.
    package init(path: String) throws {
        self.path = path
        (file, header, configuration, provenance, contents) = try Self.explaining(path) {
            let file = try HDF5File(reading: path)
            let header = try Self.readHeader(file.root, path)
            let json = try file.root.dataset("configuration").readStrings().first ?? ""
            let configuration: RunConfiguration = try StoredJSON.decode(
                from: Data(json.utf8), file: path + ": /configuration")
            let provenance = try file.root.group("provenance").attributes.all().mapValues(\.text)
            return (file, header, configuration, provenance, try Contents(file.root))
        }
    }

    /// What the HDF5 library says of a file, with what can be done about it.
    static func explaining<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as HDF5Error {
            let place = error.object == "/" ? "" : "\(error.object): "
            let isDamage = error.message.hasPrefix("damaged: ")
            throw RunStoreError(
                file: path,
                message: isDamage
                    ? "is \(error.message)" : "is damaged or cannot be read (\(place)\(error.message))",
                remedy: remedy(for: path))
        }
    }

    /// What helps where a run's file cannot be read.
    private static func remedy(for path: String) -> String {
        if access(path, R_OK) != 0, errno == EACCES { return "make it readable" }
        let folder = (path as NSString).deletingLastPathComponent
        return "put back a copy, or `cjepa-exp rerun \(folder)` to start the run from the beginning"
    }

    private static func readHeader(_ root: HDF5Group, _ path: String) throws -> RunHeader {
        func failure(_ message: String) -> RunStoreError {
            RunStoreError(file: path, message: message, remedy: "give a run.h5 that cjepa-exp wrote")
        }
        guard case .string(RunFormat.runFile) = try root.attributes.read("format") else {
            throw failure("no results of a run: its attribute \"format\" is not \"\(RunFormat.runFile)\"")
        }
        func string(_ name: String) throws -> String {
            guard case .string(let value) = try root.attributes.read(name) else {
                throw failure("no attribute \(name)")
            }
            return value
        }
        func integer(_ name: String) throws -> Int {
            guard case .integer(let value) = try root.attributes.read(name) else {
                throw failure("no attribute \(name)")
            }
            return value
        }
        try RunFormat.check(version: integer("format_version"), file: path)
        guard let status = RunStatus(rawValue: try string("status")) else {
            throw failure("unknown status \"\(try string("status"))\"")
        }
        return RunHeader(
            experiment: try string("experiment"), arm: try string("arm"), seed: try integer("seed"),
            configurationHash: try string("configuration_hash"), status: status)
    }

    /// A table by its name, "steps" or "evaluation/target".
    /// - Throws: `RunStoreError` where there is none.
    package func table(_ name: String) throws -> MetricTable {
        guard tableNames.contains(name) else {
            throw RunStoreError(
                file: path, message: "there is no table \(name)",
                remedy: tableNames.isEmpty ? "it holds none yet" : "it has \(tableNames.joined(separator: ", "))")
        }
        return try Self.explaining(path) { try readTable(name) }
    }

    private func readTable(_ name: String) throws -> MetricTable {
        let group = try root.group(name)
        guard case .strings(let columns) = try group.attributes.read("columns") else {
            throw RunStoreError(file: path, message: "/\(name) does not name its columns", remedy: "run it again")
        }
        var vectors: [String: [[Double]]] = [:]
        for column in try group.childNames() where !columns.contains(column) {
            guard try group.kind(of: column) == .dataset else { continue }
            let dataset = try group.dataset(column)
            let shape = try dataset.shape()
            guard shape.count == 2 else { continue }
            let values = try dataset.read(as: Double.self)
            vectors[column] = (0..<shape[0]).map { Array(values[($0 * shape[1])..<(($0 + 1) * shape[1])]) }
        }
        return MetricTable(columns: try columns.map { ($0, try group.dataset($0).read()) }, vectors: vectors)
    }

    /// A matrix by its path, "embeddings/target/step_100".
    /// - Throws: `RunStoreError` where there is none, or it is not a matrix.
    package func matrix(_ path: String) throws -> FloatMatrix {
        try Self.explaining(self.path) {
            let dataset = try root.dataset(path)
            let shape = try dataset.shape()
            guard shape.count == 2 else {
                throw RunStoreError(
                    file: self.path, message: "\(path) has the shape \(shape)", remedy: "give the path of a matrix")
            }
            return FloatMatrix(
                rows: shape[0], columns: shape[1], values: try dataset.read(),
                attributes: try dataset.attributes.all())
        }
    }

    /// A vector of integers by its path, "embeddings/labels".
    /// - Throws: `RunStoreError` where there is none.
    package func integers(_ path: String) throws -> [Int32] {
        try Self.explaining(self.path) { try root.dataset(path).read() }
    }

    /// The classes that an encoder's probes gave the test images at the last evaluation that trained all of them.
    ///
    /// - Returns: None where the run has stored none, as runs of earlier versions have not.
    /// - Throws: `RunStoreError` where what is stored does not fit together.
    package func predictions(encoder: String) throws -> StoredPredictions? {
        try Self.explaining(path) { try readPredictions(encoder) }
    }

    private func readPredictions(_ encoder: String) throws -> StoredPredictions? {
        guard try root.childNames().contains("predictions") else { return nil }
        let group = try root.group("predictions")
        guard try group.childNames().contains(encoder) else { return nil }
        let dataset = try group.dataset(encoder)
        let shape = try dataset.shape()
        guard case .strings(let probes) = try dataset.attributes.read("probes"),
            case .integer(let step) = try dataset.attributes.read("step"), shape == [probes.count, shape.last ?? 0]
        else {
            throw RunStoreError(
                file: self.path, message: "/predictions/\(encoder) does not name a probe for each row",
                remedy: "run it again")
        }
        let values: [Int32] = try dataset.read()
        let count = shape[1]
        let labels: [Int32] = try group.dataset("labels").read()
        let indices: [Int32] = try group.dataset("indices").read()
        guard labels.count == count, indices.count == count else {
            throw RunStoreError(
                file: self.path, message: "\(count) predictions for \(labels.count) labels", remedy: "run it again")
        }
        let classes = probes.indices.map { Array(values[$0 * count..<($0 + 1) * count]) }
        return StoredPredictions(
            step: step, classes: Dictionary(zip(probes, classes)) { first, _ in first }, labels: labels,
            indices: indices)
    }

    /// Paths of all stored embeddings, sorted by encoder, then step.
    package var embeddingPaths: [String] {
        contents.arrays.filter { RunFormat.step(ofEmbeddings: $0) != nil }.sorted { a, b in
            let (folderA, folderB) = (
                (a as NSString).deletingLastPathComponent, (b as NSString).deletingLastPathComponent
            )
            return (folderA, RunFormat.step(ofEmbeddings: a) ?? 0) < (folderB, RunFormat.step(ofEmbeddings: b) ?? 0)
        }
    }

    /// Attributes of a group, column or matrix.
    package func attributes(of path: String) throws -> [String: AttributeValue] {
        try Self.explaining(self.path) {
            try root.kind(of: path) == .group
                ? root.group(path).attributes.all() : root.dataset(path).attributes.all()
        }
    }

    /// The provenance with its types.
    func provenanceValues() throws -> [String: AttributeValue] { try attributes(of: "provenance") }

    /// Paths of what a file holds, without configuration and provenance.
    struct Contents: Sendable {
        /// Groups with a column "step".
        var tables: [String] = []
        /// All other groups, and the tables.
        var groups: [String] = []
        /// Datasets that belong to no table.
        var arrays: [String] = []
        /// Datasets that are columns of tables.
        var columns: [String] = []

        init(_ root: HDF5Group) throws {
            for name in try root.childNames() where name != "configuration" && name != "provenance" {
                try visit(name, of: root)
            }
        }

        private mutating func visit(_ path: String, of root: HDF5Group) throws {
            guard try root.kind(of: path) == .group else {
                arrays.append(path)
                return
            }
            let group = try root.group(path)
            groups.append(path)
            let isTable = try group.attributes.read("columns") != nil
            if isTable { tables.append(path) }
            for name in try group.childNames() {
                let child = path + "/" + name
                if try isTable && group.kind(of: name) == .dataset {
                    columns.append(child)
                } else {
                    try visit(child, of: root)
                }
            }
        }
    }
}
