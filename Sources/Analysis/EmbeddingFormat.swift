import Foundation
import Safetensors

/// How embeddings leave the program.
package enum EmbeddingFormat: String, CaseIterable, Sendable {
    /// NumPy: `features` [n, D] float32, `labels` [n] int32, `indices` [n] int32.
    case npz
    /// A folder with the same three as files of their own.
    case npy
    /// The same three as datasets, uncompressed, with the origin as attributes.
    case hdf5
    /// One line for each image, with a heading.
    case csv
    /// The TensorBoard projector: a folder with vectors.tsv and metadata.tsv.
    case tsv
    /// One row for each image, one column for each feature.
    case parquet
    /// The three tensors of npz, with the origin as metadata.
    case safetensors

    /// What the output is called where no name is given: "vicreg.ema-s0-1a2b3c4d-target-step_4688.npz".
    package func defaultName(of set: EmbeddingSet) -> String {
        defaultName(run: set.run, encoder: set.encoder, step: set.step, split: set.split)
    }

    /// The same before the features are at hand; "…-step_4688-train.npz" for training images.
    package func defaultName(run: String, encoder: String, step: Int, split: EmbeddingSet.Split) -> String {
        let stem = "\(run)-\(encoder)-step_\(step)" + (split == .train ? "-train" : "")
        return switch self {
        case .npz: "\(stem).npz"
        case .hdf5: "\(stem).h5"
        case .csv: "\(stem).csv"
        case .tsv: "\(stem)-projector"
        case .npy: "\(stem)-npy"
        case .parquet: "\(stem).parquet"
        case .safetensors: "\(stem).safetensors"
        }
    }

    /// The files that an output at `path` consists of.
    private func files(at path: String, namingImages: Bool = false) -> [String] {
        let names: [String]? =
            switch self {
            case .tsv: ["vectors.tsv", "metadata.tsv"]
            case .npy: ["features.npy", "labels.npy", "indices.npy"] + (namingImages ? ["files.npy"] : [])
            default: nil
            }
        return names?.map { (path as NSString).appendingPathComponent($0) } ?? [path]
    }

    /// Whether an output is there as a whole.
    package func isComplete(at path: String) -> Bool {
        files(at: path).allSatisfy(FileManager.default.fileExists)
    }

    /// Writes `set` to `path`; for `tsv` and `npy` the path is a folder, made where it is missing.
    ///
    /// Every file appears as a whole or not at all.
    ///
    /// - Parameter replacing: Whether existing files may be replaced.
    /// - Returns: The files written.
    /// - Throws: `AnalysisError` where something exists already or does not fit; `FileWriteError`, `HDF5Error`.
    package func write(_ set: EmbeddingSet, to path: String, replacing: Bool) throws -> [String] {
        let files = files(at: path, namingImages: set.names != nil)
        try OutputFiles.prepare(files, replacing: replacing)
        switch self {
        case .npz: try set.writeNPZ(to: path)
        case .hdf5: try set.writeHDF5(to: path)
        case .csv: try set.writeCSV(to: path)
        case .tsv: try set.writeProjectorFiles(vectors: files[0], metadata: files[1])
        case .npy:
            try set.writeNPY(
                features: files[0], labels: files[1], indices: files[2], names: files.count > 3 ? files[3] : nil)
        case .parquet: try set.writeParquet(to: path)
        case .safetensors: try set.writeSafetensors(to: path)
        }
        return files
    }
}
