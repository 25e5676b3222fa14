import ArgumentParser
import ExperimentSpec
import Foundation
import PretrainedWeights
import RunStore
import Safetensors

/// `cjepa-exp weights show`: what a file of weights is.
struct WeightsShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what weights are: form, networks, tensors and what their numbers are like."
    )

    @Argument(help: "A file or folder of weights, or a run.", completion: .file())
    var weights: String

    @OptionGroup var hints: WeightHints

    @Option(help: ArgumentHelp("Training step of a run's checkpoint. (default: the last)", valueName: "n"))
    var step: Int?

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws { try OptionBounds.check(step, "--step", in: OptionBounds.steps) }

    func run() throws {
        let place = try WeightPlace(weights, results: results, step: step)
        Console.begin("reading \(place.path)")
        let summary = try WeightSummary(WeightFile(path: place.path), hints: place.completed(hints.hints()))
        print(json ? String(decoding: try StoredJSON.encode(summary), as: UTF8.self) : summary.text)
    }
}

/// What there is to say of weights.
struct WeightSummary: Encodable {
    struct Encoder: Encodable {
        let role: String
        let name: String
        let width, depth, mlpWidth, patchSize, channels: Int
        let heads: Int?
        let headsAreAssumed: Bool
        let rows, columns: Int?
        let parameters: Int
        /// "sine-cosine", "of its own", or none.
        let positions: String?
        let remarks: [String]
    }

    struct Predictor: Encodable {
        let width, depth, mlpWidth, parameters: Int
    }

    struct Tensor: Encodable {
        let name: String
        let type: String
        let shape: [Int]
        let minimum, maximum, mean, standardDeviation: Double?
        let nonFinite: Int?
    }

    let path: String
    let container: String
    let format: String?
    private(set) var encoders: [Encoder] = []
    private(set) var predictor: Predictor?
    let otherParts: [String]
    let values: [String: String]
    /// Why no network of this program fits.
    private(set) var problem: String?
    let tensors: [Tensor]
    let bytes: Int

    /// - Throws: `WeightError` where the file itself is damaged; a network that does not fit is a finding.
    init(_ file: WeightFile, hints: PretrainedWeights.Hints) throws {
        path = file.path
        container = file.container.rawValue
        values = file.values
        tensors = try file.tensors.sorted { $0.key.compare($1.key, options: .numeric) == .orderedAscending }.map {
            name, tensor in
            let statistics = tensor.isFloatingPoint ? TensorStatistics(try tensor.floats()) : nil
            return Tensor(
                name: name, type: tensor.type.rawValue, shape: tensor.shape, minimum: statistics?.minimum,
                maximum: statistics?.maximum, mean: statistics?.mean,
                standardDeviation: statistics?.standardDeviation, nonFinite: statistics?.nonFinite)
        }
        bytes = file.tensors.values.reduce(0) { $0 + $1.byteCount }
        var weights: PretrainedWeights?
        do {
            let opened = try PretrainedWeights(file, hints: hints)
            weights = opened
            for role in opened.roles { encoders.append(try Self.encoder(opened.encoder(role))) }
            predictor = try opened.predictor().map {
                Predictor(
                    width: $0.width, depth: $0.depth, mlpWidth: $0.hiddenWidth, parameters: $0.parameterCount)
            }
        } catch let error as WeightError {
            problem = [error.tensor, error.message].compactMap { $0 }.joined(separator: ": ") + "; " + error.remedy
        }
        format = weights?.format.rawValue
        otherParts = weights?.otherParts ?? file.steppedOver
    }

    private static func encoder(_ encoder: PretrainedEncoder) throws -> Encoder {
        let geometry = encoder.geometry
        // Positions of an unknown grid are a remark, and not an end.
        let positions = try? encoder.positions().map { $0.isSineCosine ? "sine-cosine" : "of its own" }
        return Encoder(
            role: encoder.role.rawValue, name: geometry.name, width: geometry.width, depth: geometry.depth,
            mlpWidth: geometry.hiddenWidth, patchSize: geometry.patchSize, channels: geometry.channels,
            heads: geometry.heads, headsAreAssumed: geometry.headsAreAssumed, rows: geometry.rows,
            columns: geometry.columns, parameters: encoder.parameterCount, positions: positions ?? nil,
            remarks: encoder.remarks)
    }
}

extension WeightSummary {
    /// For people: the networks, then the tensors one a line.
    var text: String {
        var lines = [
            "\(path): \(format.map { "\($0), " } ?? "")\(container), \(counted(tensors.count, "tensor")), \(bytes) bytes"
        ]
        for encoder in encoders {
            let heads =
                encoder.heads.map { "\(counted($0, "head"))\(encoder.headsAreAssumed ? " (assumed)" : "")" }
                ?? "heads unknown"
            let grid =
                encoder.rows.flatMap { rows in encoder.columns.map { "\(rows)×\($0) patches" } } ?? "grid unknown"
            lines.append(
                "\(encoder.role): \(encoder.name), width \(encoder.width), \(counted(encoder.depth, "block")), \(heads), "
                    + "MLP \(encoder.mlpWidth), \(grid) of \(encoder.patchSize)², "
                    + "\(counted(encoder.channels, "channel")), \(encoder.parameters) parameters, positions "
                    + (encoder.positions ?? "computed"))
            lines += encoder.remarks.map { "  \($0)" }
        }
        if let predictor {
            lines.append(
                "predictor: width \(predictor.width), \(counted(predictor.depth, "block")), MLP \(predictor.mlpWidth), "
                    + "\(predictor.parameters) parameters")
        }
        if let problem { lines.append("no encoder of this program: \(problem)") }
        if !otherParts.isEmpty { lines.append("also there: \(otherParts.joined(separator: ", "))") }
        if !values.isEmpty {
            lines.append("values: " + values.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", "))
        }
        let broken = tensors.filter { ($0.nonFinite ?? 0) > 0 }
        if !broken.isEmpty {
            lines.append("warning: numbers that are not finite in \(broken.map(\.name).joined(separator: ", "))")
        }
        let rows =
            [["tensor", "type", "shape", "min", "max", "mean", "std"]]
            + tensors.map { tensor in
                [tensor.name, tensor.type, tensor.shape.map(String.init).joined(separator: "×")]
                    + [tensor.minimum, tensor.maximum, tensor.mean, tensor.standardDeviation].map(WeightNumber.text)
            }
        return (lines + [""] + WeightNumber.grid(rows)).joined(separator: "\n")
    }
}

/// Numbers and columns of what the commands on weights print.
enum WeightNumber {
    /// Four significant digits.
    static func text(_ value: Double?) -> String {
        guard let value else { return "–" }
        return String(format: "%.4g", value)
    }

    /// Rows with their cells below each other, the first column to the left.
    static func grid(_ rows: [[String]]) -> [String] {
        let widths = (0..<(rows.map(\.count).max() ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }
    }
}
