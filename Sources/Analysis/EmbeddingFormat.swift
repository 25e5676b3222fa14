import Foundation
import Safetensors

/// How embeddings leave the program.
package enum EmbeddingFormat: String, CaseIterable, Sendable {
    /// NumPy: `features` [n, D] float32, `labels` [n] int32, `indices` [n] int32.
    case npz
    /// The same three as datasets, uncompressed, with the origin as attributes.
    case hdf5
    /// One line for each image, with a heading.
    case csv
    /// The TensorBoard projector: a folder with vectors.tsv and metadata.tsv.
    case tsv

    /// What the output is called where no name is given: "vicreg.ema-s0-1a2b3c4d-target-step_4688.npz".
    package func defaultName(of set: EmbeddingSet) -> String {
        let stem = "\(set.run)-\(set.encoder)-step_\(set.step)"
        return switch self {
        case .npz: "\(stem).npz"
        case .hdf5: "\(stem).h5"
        case .csv: "\(stem).csv"
        case .tsv: "\(stem)-projector"
        }
    }

    /// Writes `set` to `path`; for `tsv` the path is a folder, made where it is missing.
    ///
    /// Every file appears as a whole or not at all.
    ///
    /// - Parameter replacing: Whether existing files may be replaced.
    /// - Returns: The files written.
    /// - Throws: `AnalysisError` where something exists already or does not fit; `FileWriteError`, `HDF5Error`.
    package func write(_ set: EmbeddingSet, to path: String, replacing: Bool) throws -> [String] {
        let files =
            self == .tsv
            ? ["vectors.tsv", "metadata.tsv"].map { (path as NSString).appendingPathComponent($0) } : [path]
        for file in files where !replacing && FileManager.default.fileExists(atPath: file) {
            throw AnalysisError(
                .outputExists, path: file, message: "exists already",
                remedy: "Choose another --output, or replace it with --force")
        }
        let folder = (files[0] as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw AnalysisError(
                    .cannotWrite, path: folder, message: "the folder cannot be made (\(error.localizedDescription))",
                    remedy: "Make the folder above it writable, or choose another --output")
            }
        }
        switch self {
        case .npz: try set.writeNPZ(to: path)
        case .hdf5: try set.writeHDF5(to: path)
        case .csv: try set.writeCSV(to: path)
        case .tsv: try set.writeProjectorFiles(vectors: files[0], metadata: files[1])
        }
        return files
    }
}
