import Foundation
import Safetensors

extension EmbeddingSet {
    /// Columns `index`, `label`, `label_name`, `file` where files have names, `f0`, `f1`, …, one row for each image.
    func writeParquet(to path: String) throws {
        var head: [(name: String, values: ParquetFile.Column)] = [
            ("index", .int32s(indices)), ("label", .int32s(labels)), ("label_name", .texts(labels.map(labelName))),
        ]
        if let names { head.append(("file", .texts(names))) }
        let columns = (0..<width).map { column -> (name: String, values: ParquetFile.Column) in
            ("f\(column)", .floats((0..<rows).map { features[$0 * width + column] }))
        }
        try ParquetFile.write(head + columns, metadata: origin, to: path)
    }

    /// `features` [n, D] F32, `labels` and `indices` [n] I32, and where they come from as metadata.
    func writeSafetensors(to path: String) throws {
        var file = SafetensorsFile()
        file.tensors = [
            "features": SafetensorsTensor(features, shape: [rows, width]),
            "labels": SafetensorsTensor(labels, shape: [rows]), "indices": SafetensorsTensor(indices, shape: [rows]),
        ]
        file.metadata = Dictionary(uniqueKeysWithValues: origin)
        try file.write(to: path)
    }
}
