import ExperimentSpec
import Foundation
package import RunStore

extension EmbeddingSet {
    /// Reads the features that a run stored of the test images.
    ///
    /// - Parameters:
    ///   - encoder: "target" or "context".
    ///   - step: Training step at which they were stored; none: the last.
    ///   - remark: Takes what is to be said of the file.
    /// - Throws: `AnalysisError` that names what is stored; the store's errors where the file is damaged.
    package static func load(
        runDirectory: String, encoder: String, step: Int?, remark: (ResultsRemark) -> Void = { _ in }
    ) throws -> EmbeddingSet {
        let directory = RunDirectory(path: runDirectory)
        guard FileManager.default.fileExists(atPath: directory.resultsFile) else {
            throw AnalysisError(
                .unusableResults, path: directory.resultsFile, message: "the run has stored nothing yet",
                remedy: "Wait until it has; `cjepa-exp status` shows its progress")
        }
        let file = try RunFile(path: directory.resultsFile)
        ResultsRemark(file).map(remark)
        let stored = file.embeddingPaths.compactMap(StoredEmbedding.init)
        let candidates = stored.filter { $0.encoder == encoder }
        let last = candidates.max { $0.step < $1.step }
        let wanted = step ?? last?.step
        guard let chosen = candidates.first(where: { $0.step == wanted }) else {
            let names = stored.map { "\($0.encoder) at step \($0.step)" }
            throw AnalysisError(
                .unknownName, path: directory.resultsFile,
                message: "holds no embeddings of the \(encoder) encoder" + (step.map { " at step \($0)" } ?? ""),
                remedy: names.isEmpty
                    ? "They are stored at the end of a run if diagnostics.store_embeddings is true"
                    : "Available: \(names.joined(separator: ", "))")
        }
        let matrix = try file.matrix(chosen.path)
        let labels = try file.integers("embeddings/labels")
        let indices = try file.integers("embeddings/indices")
        guard labels.count == matrix.rows, indices.count == matrix.rows else {
            throw AnalysisError(
                .unusableResults, path: directory.resultsFile,
                message: "\(matrix.rows) embeddings for \(labels.count) labels and \(indices.count) indices",
                remedy: "The file is not as this program wrote it: train the run again with `cjepa-exp rerun`")
        }
        return EmbeddingSet(
            features: matrix.values, width: matrix.columns, labels: labels, indices: indices,
            labelNames: try file.classNames() ?? file.configuration.classNames, experiment: file.header.experiment,
            run: directory.name, encoder: encoder, step: chosen.step,
            names: try file.texts("embeddings/names", count: matrix.rows))
    }
}

/// "embeddings/target/step_100", taken apart.
private struct StoredEmbedding {
    let path: String
    let encoder: String
    let step: Int

    /// - Returns: None for a path of another form.
    init?(_ path: String) {
        let folders = path.split(separator: "/").dropLast()
        guard let step = RunFormat.step(ofEmbeddings: path), let encoder = folders.last else { return nil }
        self.path = path
        self.encoder = String(encoder)
        self.step = step
    }
}
