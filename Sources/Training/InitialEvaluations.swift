import Diagnostics
import Evaluation
import ExperimentSpec
import Foundation
import Safetensors
import TensorCore

/// What evaluations at initialisation found, kept beside the runs of an experiment: arms that start from the same weights
/// are evaluated once.
///
/// A file for each key, written as a whole and sealed with a checksum; its name is a hash of everything that the numbers
/// depend on. So a worker finds a whole file or none, and a damaged file is as good as none. Of workers that come at the same
/// time, one computes and the others wait for its file. What is read is bit for bit what would be computed.
package struct InitialEvaluations: Sendable {
    /// Beginning of the files' names.
    package static let prefix = "initial-"
    private static let version = 1

    private let directory: String
    private let origin: String

    /// - Parameters:
    ///   - directory: Of the experiment.
    ///   - origin: What else the numbers depend on: program, back end, data.
    package init(directory: String, origin: [String]) {
        self.directory = directory
        self.origin = origin.joined(separator: "\n")
    }

    /// - Parameter weights: Checksum of the encoder's parameters.
    func key(_ configuration: RunConfiguration, weights: UInt64) -> String {
        // Nothing of the method plays a part: only the encoder, its images, how it is looked at, and the seed of that.
        var probed = RunConfiguration()
        probed.model = configuration.model
        probed.data = configuration.data
        probed.diagnostics = configuration.diagnostics
        probed.training.precision = configuration.training.precision
        probed.seed = configuration.seed
        for key in Catalogue.current.imageCollections.keys {
            probed.set(key.path, to: configuration.value(of: key.path))
        }
        probed.takeEvaluation(of: configuration)
        let text = [
            "\(Self.version)", probed.canonicalJSON(), String(weights, radix: 16), origin,
            // Which tasks are on is in no identity.
            configuration.evaluationTasks.map(\.declaration.name).joined(separator: " "),
        ].joined(separator: "\n")
        return String(SHA256Digest(of: text).hex.prefix(24))
    }

    private func path(_ key: String) -> String { "\(directory)/\(Self.prefix)\(key).safetensors" }

    /// Waits as long as another process computes the same; whoever then finds no file computes it, and holds this until it
    /// is saved.
    func claim(_ key: String) -> FileClaim? { FileClaim(path(key)) }

    /// - Returns: None where there is none, or none that can be read.
    func load(_ key: String) -> InitialEvaluation? {
        guard FileManager.default.fileExists(atPath: path(key)),
            let file = try? SafetensorsFile(sealed: path(key))
        else { return nil }
        return try? InitialEvaluation(file)
    }

    /// Keeps it; where that is not possible, the next run computes it again.
    func save(_ evaluation: InitialEvaluation, _ key: String) {
        guard let (metadata, tensors) = try? evaluation.content() else { return }
        try? SafetensorsFile.writeSealed(
            metadata: metadata, tensors: tensors.mapValues { SafetensorsSource($0) }, to: path(key))
    }
}

/// What is equal for all runs that start from the same encoder.
struct InitialEvaluation {
    /// Of all tasks.
    var result: EvaluationResult
    /// Of the test features, for the table of evaluations.
    var measures: [(name: String, value: Double)]
    var spectrum: [Double]
    /// Of the test images.
    var test: FeatureMatrix
    var patches: PatchFeatures?
    /// Measures of the encoder, below "target/".
    var tables: [DiagnosticsRecord.Table]
}

extension InitialEvaluation {
    private struct Index: Codable {
        struct Table: Codable {
            var name: String
            var values: [String]
            var vectors: [String]
        }
        var metrics: [String]
        var predictions: [String]
        var details: [String]
        var measures: [String]
        var patchesPerImage: Int?
        var tables: [Table]
    }

    private static let indexKey = "index"

    private static func tensor(_ matrix: FeatureMatrix) -> SafetensorsTensor {
        SafetensorsTensor(matrix.values, shape: [matrix.rows, matrix.columns])
    }

    func content() throws -> (metadata: [String: String], tensors: [String: SafetensorsTensor]) {
        let index = Index(
            metrics: result.metrics.map(\.name), predictions: result.predictions.map(\.name),
            details: result.details.map(\.table), measures: measures.map(\.name),
            patchesPerImage: patches?.patchesPerImage,
            tables: tables.map { table in
                Index.Table(
                    name: table.name, values: table.values.map(\.name), vectors: table.vectors.map(\.name))
            })
        var tensors = [
            "metrics": SafetensorsTensor(result.metrics.map(\.value), shape: [result.metrics.count]),
            "measures": SafetensorsTensor(measures.map(\.value), shape: [measures.count]),
            "spectrum": SafetensorsTensor(spectrum, shape: [spectrum.count]), "test": Self.tensor(test),
        ]
        for (name, classes) in result.predictions {
            tensors["predictions/\(name)"] = SafetensorsTensor(classes, shape: [classes.count])
        }
        for (name, rows) in result.details {
            let columns = rows.first?.count ?? 0
            tensors["details/\(name)"] = SafetensorsTensor(rows.flatMap { $0 }, shape: [rows.count, columns])
        }
        if let patches {
            tensors["patches"] = Self.tensor(patches.patches)
            tensors["residuals"] = Self.tensor(patches.residuals)
        }
        for table in tables {
            tensors["tables/\(table.name)"] = SafetensorsTensor(table.values.map(\.value), shape: [table.values.count])
            for (name, values) in table.vectors {
                tensors["vectors/\(table.name)/\(name)"] = SafetensorsTensor(values, shape: [values.count])
            }
        }
        // Sorted, so that equal evaluations are equal files.
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return ([Self.indexKey: String(decoding: try encoder.encode(index), as: UTF8.self)], tensors)
    }

    private struct Unreadable: Error {}

    /// - Throws: Where the file does not hold one; its checksum has been compared.
    init(_ file: SafetensorsFile) throws {
        guard let text = file.metadata[Self.indexKey] else { throw Unreadable() }
        let index = try JSONDecoder().decode(Index.self, from: Data(text.utf8))
        func doubles(_ name: String, _ names: [String]) throws -> [(name: String, value: Double)] {
            let values = try file.tensor(name).doubles()
            guard values.count == names.count else { throw Unreadable() }
            return zip(names, values).map { (name: $0, value: $1) }
        }
        func matrix(_ name: String) throws -> FeatureMatrix {
            let tensor = try file.tensor(name)
            guard tensor.shape.count == 2 else { throw Unreadable() }
            return FeatureMatrix(rows: tensor.shape[0], columns: tensor.shape[1], values: try tensor.floats())
        }
        result = EvaluationResult()
        result.metrics = try doubles("metrics", index.metrics)
        result.predictions = try index.predictions.map {
            (name: $0, classes: try file.tensor("predictions/\($0)").int32s())
        }
        result.details = try index.details.map { name in
            let tensor = try file.tensor("details/\(name)")
            guard tensor.shape.count == 2 else { throw Unreadable() }
            let (values, columns) = (try tensor.doubles(), tensor.shape[1])
            return (
                table: name,
                rows: (0..<tensor.shape[0]).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
            )
        }
        measures = try doubles("measures", index.measures)
        spectrum = try file.tensor("spectrum").doubles()
        test = try matrix("test")
        if let patchesPerImage = index.patchesPerImage {
            let (chosen, residuals) = (try matrix("patches"), try matrix("residuals"))
            guard patchesPerImage > 0, chosen.rows == residuals.rows, chosen.columns == residuals.columns else {
                throw Unreadable()
            }
            patches = PatchFeatures(patches: chosen, residuals: residuals, patchesPerImage: patchesPerImage)
        }
        tables = try index.tables.map { table in
            DiagnosticsRecord.Table(
                name: table.name,
                values: try doubles("tables/\(table.name)", table.values).map { ($0.name, $0.value) },
                vectors: try table.vectors.map {
                    ($0, try file.tensor("vectors/\(table.name)/\($0)").doubles())
                })
        }
    }
}
