import ExperimentSpec
import Foundation
import HDF5
import Safetensors

/// Checksums of everything that a run stores and that must not depend on how often it was interrupted.
///
/// Wall-clock times, and what is stored about the process (provenance, number of threads), are left out.
package struct RunFingerprint: Codable, Sendable, Equatable {
    /// Tensors of the newest checkpoint by name, and its counters: XXH64 of type, shape and bytes.
    package var weights: [String: String]
    /// Columns, matrices and lists of columns of run.h5 by path, in the same way.
    package var datasets: [String: String]
    /// Paths of columns that hold wall-clock times or rates, which are not compared.
    package var excluded: [String]

    /// Reads a run's files.
    /// - Throws: `RunStoreError`, `SafetensorsError` or `HDF5Error` for files that are missing or damaged.
    package init(of directory: RunDirectory) throws {
        let file = try RunFile(path: directory.resultsFile)
        let header = file.header
        let damaged = { (warning: String) in
            RunStoreError(file: directory.path, message: warning, remedy: "a finished run's checkpoint must be whole")
        }
        var warnings: [String] = []
        guard
            let checkpoint = try directory.checkpoints.loadNewest(
                expecting: header.configurationHash, warn: { warnings.append($0) })
        else { throw damaged("there is no checkpoint") }
        if let warning = warnings.first { throw damaged(warning) }
        weights = checkpoint.tensors.mapValues { tensor in
            Self.checksum("\(tensor.dataType.rawValue) \(tensor.shape)", tensor.bytes)
        }
        weights["(step and counters)"] = Self.checksum(
            "\(checkpoint.step) \(checkpoint.metadata.sorted { $0.key < $1.key })")

        datasets = [:]
        excluded = []
        datasets["/"] = Self.checksum(
            "\(header.experiment) \(header.arm) \(header.seed) \(header.configurationHash) \(header.status.rawValue)")
        datasets["/configuration"] = Self.checksum(file.configuration.identityJSON())
        let root = file.root
        let contents = file.contents
        for table in contents.tables {
            let columns = try root.group(table).attributes.read("columns")
            datasets["/\(table) (columns)"] = Self.checksum("\(columns.map { "\($0)" } ?? "none")")
        }
        for path in contents.columns + contents.arrays {
            if Self.isWallClock(path) {
                excluded.append("/" + path)
            } else {
                datasets["/" + path] = try Self.checksum(of: root.dataset(path))
            }
        }
        excluded.sort()
    }

    /// Names of what one of the two lacks or holds with another content, sorted.
    package func differences(from other: RunFingerprint) -> [String] {
        func differing(_ a: [String: String], _ b: [String: String]) -> [String] {
            Set(a.keys).union(b.keys).filter { a[$0] != b[$0] }.sorted()
        }
        return differing(weights, other.weights) + differing(datasets, other.datasets)
            + Set(excluded).symmetricDifference(other.excluded).sorted()
    }

    /// One checksum over all weights.
    package var weightsChecksum: String { Self.summary(weights) }
    /// One checksum over all datasets.
    package var datasetsChecksum: String { Self.summary(datasets) }

    private static func summary(_ parts: [String: String]) -> String {
        checksum(parts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n"))
    }

    /// Columns in seconds, or per second.
    private static func isWallClock(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        let table = parts.dropLast().joined(separator: "/")
        guard let column = parts.last, let convention = MetricConvention.of(table: table, column: String(column)) else {
            return false
        }
        return ["s", "1/s", "ms"].contains(convention.unit)
    }

    private static func checksum(of dataset: HDF5Dataset) throws -> String {
        let shape = try dataset.shape()
        func bytes<Element: HDF5Element>(_ type: Element.Type) throws -> String {
            let values = try dataset.read(as: type)
            var state = XXH64()
            Data("\(type) \(shape)".utf8).withUnsafeBytes { state.append($0) }
            values.withUnsafeBytes { state.append($0) }
            return state.digits
        }
        switch try dataset.elementType() {
        case .float64: return try bytes(Double.self)
        case .float32: return try bytes(Float.self)
        case .int64: return try bytes(Int64.self)
        case .int32: return try bytes(Int32.self)
        case .uint8: return try bytes(UInt8.self)
        case nil: return checksum("strings \(shape) \(try dataset.readStrings())")
        }
    }

    private static func checksum(_ text: String, _ bytes: Data = Data()) -> String {
        var state = XXH64()
        Data(text.utf8).withUnsafeBytes { state.append($0) }
        bytes.withUnsafeBytes { state.append($0) }
        return state.digits
    }
}
