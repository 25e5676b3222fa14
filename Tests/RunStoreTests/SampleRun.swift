import Declarations
import ExperimentSpec
import Foundation
import RunStore

/// A small run with known numbers, which the tests in Swift and Python know.
enum SampleRun {
    static let rows = 600
    static let width = 48
    /// Large enough to be compressed.
    static let spectrumWidth = 2048

    static func configuration() -> RunConfiguration {
        var configuration = RunConfiguration()
        configuration.model.width = width
        configuration.resources.memoryGiB = 1.5
        configuration.set("objective.vicreg.weight", to: 0.001)
        configuration.data.trainSubset = 2000
        return configuration
    }

    static let header = RunHeader(
        experiment: "größe", arm: "vicreg.ema", seed: 3, configurationHash: String(repeating: "ab", count: 32))

    static func embedding(step: Int) -> [Float] {
        (0..<(rows * width)).map { Float(($0 * 7 + step) % 1009) / 16 - 20 }
    }

    static func labels() -> [Int32] { (0..<rows).map { Int32($0 % 10) } }

    static func appendStep(_ step: Int, to writer: RunWriter) {
        writer.append(
            "steps",
            ["step": Double(step), "epoch": Double(step) / 8, "loss": 1 / Double(step), "learning_rate": 1e-3])
    }

    static func appendEvaluation(_ step: Int, to writer: RunWriter) {
        writer.append(
            "evaluation/target",
            ["step": Double(step), "knn_20": 0.5 + Double(step) / 100, "rankme": 12.25, "std_mean": 0.5])
        writer.append(
            vector: (0..<spectrumWidth).map { Double(step + spectrumWidth - $0) }, to: "evaluation/target",
            column: "singular_values")
    }

    /// Eight steps, evaluations and embeddings at 0, 4 and 8.
    static func writer(at path: String) throws -> RunWriter {
        let writer = try RunWriter.create(at: path, header: header, configuration: configuration())
        writer.setProvenance([
            "source_revision": "0123abcd", "source_modified": 0, "host": "a-host", "threads": 2,
            "started_at": "2025-01-02T03:04:05Z",
        ])
        for step in 0...8 {
            if step > 0 { appendStep(step, to: writer) }
            if step % 4 == 0 {
                appendEvaluation(step, to: writer)
                writer.setMatrix(
                    RunFormat.embeddings(encoder: "target", step: step), rows: rows, columns: width,
                    embedding(step: step), attributes: ["encoder": "target", "step": .integer(step)])
            }
        }
        writer.setIntegers("embeddings/labels", labels(), attributes: ["classes": .strings(["shirt", "größe"])])
        writer.setAttributes(of: "evaluation/target", ["n_test": .integer(rows)])
        return writer
    }
}
