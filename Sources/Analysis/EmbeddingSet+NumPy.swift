import Safetensors

extension EmbeddingSet {
    /// An archive that `numpy.load` opens: `features` [rows, width], `labels` [rows], `indices` [rows].
    func writeNPZ(to path: String) throws {
        var archive = try StoredZip(path: path)
        try archive.append("features.npy", NumPyFile.bytes(of: features, shape: [rows, width]))
        try archive.append("labels.npy", NumPyFile.bytes(of: labels, shape: [rows]))
        try archive.append("indices.npy", NumPyFile.bytes(of: indices, shape: [rows]))
        if let names { try archive.append("files.npy", NumPyFile.bytes(of: names)) }
        try archive.commit()
    }

    /// The same as files of their own.
    func writeNPY(features: String, labels: String, indices: String, names file: String?) throws {
        try AtomicFile.write(NumPyFile.bytes(of: self.features, shape: [rows, width]), to: features)
        try AtomicFile.write(NumPyFile.bytes(of: self.labels, shape: [rows]), to: labels)
        try AtomicFile.write(NumPyFile.bytes(of: self.indices, shape: [rows]), to: indices)
        if let names, let file { try AtomicFile.write(NumPyFile.bytes(of: names), to: file) }
    }
}
