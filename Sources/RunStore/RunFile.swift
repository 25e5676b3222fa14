package import ExperimentSpec
import Foundation
import HDF5

/// Reads what `RunWriter` wrote.
///
/// The file is compared with its checksum and opened once, so that every answer is of the same content, also where the
/// run goes on and replaces the file in between.
///
/// A checksum tells damage, not intent, and files of earlier versions have none: whatever a file says of itself, every
/// method here ends in its value or in an error, with memory that the file's size bounds (`HDF5Bounds`).
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
            let configuration = try Self.configuration(json, path)
            let provenance = try file.root.group("provenance").attributes.values().mapValues(\.text)
            return (file, header, configuration, provenance, try Contents(file))
        }
    }

    /// Makes sure that these are the results of one run: a file of another's in its place would be taken for its own.
    ///
    /// - Throws: `RunStoreError`.
    package func check(isOfArm arm: String, seed: Int, configurationHash hash: String) throws {
        guard header.arm != arm || header.seed != seed || header.configurationHash != hash else { return }
        let whose = "\(String(header.arm.prefix(80)).debugDescription), seed \(header.seed), configuration "
        throw RunStoreError(
            file: path,
            message:
                "holds the results of another run (\(whose)\(header.configurationHash.prefix(8).debugDescription))",
            remedy: Self.remedy(for: path))
    }

    private static func configuration(_ json: String, _ path: String) throws -> RunConfiguration {
        do {
            return try StoredJSON.decode(from: Data(json.utf8), file: path + ": /configuration")
        } catch let error as RunStoreError {
            throw RunStoreError(file: error.file, message: error.message, remedy: remedy(for: path))
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
    static func remedy(for path: String) -> String {
        if access(path, R_OK) != 0, errno == EACCES { return "make it readable" }
        let folder = (path as NSString).deletingLastPathComponent
        return "put back a copy, or `cjepa-exp rerun \(folder)` to start the run from the beginning"
    }

    private static func readHeader(_ root: HDF5Group, _ path: String) throws -> RunHeader {
        func failure(_ message: String) -> RunStoreError {
            RunStoreError(file: path, message: message, remedy: "give a run.h5 that cjepa-exp wrote")
        }
        guard case .string(RunFormat.runFile) = try root.attributes.read("format") else {
            throw failure(
                "does not hold the results of a run: its attribute \"format\" is not \"\(RunFormat.runFile)\"")
        }
        func string(_ name: String) throws -> String {
            guard case .string(let value) = try root.attributes.read(name) else {
                throw failure("has no attribute \(name)")
            }
            return value
        }
        func integer(_ name: String) throws -> Int {
            guard case .integer(let value) = try root.attributes.read(name) else {
                throw failure("has no attribute \(name)")
            }
            return value
        }
        try RunFormat.check(version: integer("format_version"), file: path)
        guard let status = RunStatus(rawValue: try string("status")) else {
            throw failure("has the unknown status \"\(try string("status"))\"")
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
        func damage(_ message: String) -> RunStoreError {
            RunStoreError(
                file: path, message: "is not as cjepa-exp writes it (/\(name): \(message))",
                remedy: Self.remedy(for: path))
        }
        guard case .strings(let names) = try group.attributes.read("columns") else {
            throw damage("it does not name its columns")
        }
        var vectors: [String: [[Double]]] = [:]
        let known = Set(names)
        for column in try group.childNames() where !known.contains(column) {
            guard try group.kind(of: column) == .dataset else { continue }
            let dataset = try group.dataset(column)
            let shape = try dataset.shape()
            guard shape.count == 2 else { continue }
            let values = try dataset.read(as: Double.self)
            guard shape[0] == 0 || !values.isEmpty else { throw damage("the vectors of \(column) are empty") }
            vectors[column] = (0..<shape[0]).map { Array(values[($0 * shape[1])..<(($0 + 1) * shape[1])]) }
        }
        let columns = try names.map { column in
            let dataset = try group.dataset(column)
            let shape = try dataset.shape()
            guard shape.count == 1 else { throw damage("its column \(column) has the shape \(shape)") }
            let values = try dataset.read(as: Double.self)
            if let value = MetricConvention.impossibleValue(among: values, table: name, column: column) {
                throw damage("its column \(column), fractions from 0 to 1, holds \(value)")
            }
            return (name: column, values: values)
        }
        do {
            return try MetricTable(checking: columns, vectors: vectors)
        } catch {
            throw damage(error.message)
        }
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
            let values = try dataset.read(as: Float.self)
            guard shape[0] == 0 || !values.isEmpty else {
                throw RunStoreError(
                    file: self.path, message: "\(path) has the shape \(shape), rows without numbers",
                    remedy: Self.remedy(for: self.path))
            }
            return FloatMatrix(
                rows: shape[0], columns: shape[1], values: values, attributes: try dataset.attributes.values())
        }
    }

    /// A vector of integers by its path, "embeddings/labels".
    /// - Throws: `RunStoreError` where there is none, or it is not a vector.
    package func integers(_ path: String) throws -> [Int32] {
        try Self.explaining(self.path) { try vector(path) }
    }

    /// A vector of texts by its path, "embeddings/names"; none where the run has stored none.
    ///
    /// - Parameter count: How many there must be.
    /// - Throws: `RunStoreError` where it is something else.
    package func texts(_ path: String, count: Int) throws -> [String]? {
        guard contents.arrays.contains(path) else { return nil }
        return try Self.explaining(self.path) {
            let dataset = try root.dataset(path)
            guard try dataset.shape() == [count] else {
                throw RunStoreError(
                    file: self.path, message: "\(path) has the shape \(try dataset.shape()), not [\(count)]",
                    remedy: Self.remedy(for: self.path))
            }
            return try dataset.readStrings()
        }
    }

    /// Images that could not be read and were left out; none where all could be.
    package var skippedImageCount: Int? {
        provenance["dataset_skipped_images"].flatMap { Int($0.prefix { $0 != ":" }) }
    }

    /// Names of the classes 0, 1, …; none where the run stored none, as those of earlier versions and of data sets whose
    /// classes are numbers.
    ///
    /// - Throws: `RunStoreError` where they are no vector of texts.
    package func classNames() throws -> [String]? {
        guard contents.arrays.contains(RunFormat.classNames) else { return nil }
        let count = try Self.explaining(path) { try root.dataset(RunFormat.classNames).shape().first ?? 0 }
        return try texts(RunFormat.classNames, count: count)
    }

    private func vector(_ path: String) throws -> [Int32] {
        let dataset = try root.dataset(path)
        let shape = try dataset.shape()
        guard shape.count == 1 else {
            throw RunStoreError(
                file: self.path, message: "\(path) has the shape \(shape)", remedy: "give the path of a vector")
        }
        return try dataset.read()
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
            case .integer(let step) = try dataset.attributes.read("step"), step >= 0,
            shape == [probes.count, shape.last ?? 0], Set(probes).count == probes.count
        else {
            throw RunStoreError(
                file: self.path, message: "/predictions/\(encoder) does not name a probe for each row",
                remedy: Self.remedy(for: path))
        }
        let values: [Int32] = try dataset.read()
        let count = shape[1]
        let (labels, indices) = (try vector("predictions/labels"), try vector("predictions/indices"))
        guard labels.count == count, indices.count == count, probes.isEmpty || values.count == probes.count * count
        else {
            throw RunStoreError(
                file: self.path,
                message: "\(count) predictions for \(labels.count) labels and \(indices.count) indices",
                remedy: Self.remedy(for: path))
        }
        let classes = probes.indices.map { Array(values[$0 * count..<($0 + 1) * count]) }
        return StoredPredictions(
            step: step, classes: Dictionary(zip(probes, classes)) { first, _ in first }, labels: labels,
            indices: indices, names: try texts("predictions/names", count: count))
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
                ? root.group(path).attributes.values() : root.dataset(path).attributes.values()
        }
    }

    /// The provenance with its types.
    func provenanceValues() throws -> [String: AttributeValue] { try attributes(of: "provenance") }
}
