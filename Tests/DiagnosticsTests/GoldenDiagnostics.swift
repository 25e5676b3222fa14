import Diagnostics
import Foundation

/// The matrices of `Tests/Golden/diagnostics.safetensors` and the numbers of `diagnostics.json`.
struct GoldenDiagnostics {
    let matrices: [String: FeatureMatrix]
    let expected: [String: [String: Any]]

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Golden")
        let data = try Data(contentsOf: folder.appending(path: "diagnostics.safetensors"))
        let headerLength = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try JSONSerialization.jsonObject(with: data[8..<8 + headerLength])
        var matrices: [String: FeatureMatrix] = [:]
        for case (let name, let entry as [String: Any]) in header as? [String: Any] ?? [:] {
            guard let shape = entry["shape"] as? [Int], let range = entry["data_offsets"] as? [Int] else { continue }
            let bytes = data[(8 + headerLength + range[0])..<(8 + headerLength + range[1])]
            var values = [Float](repeating: 0, count: bytes.count / 4)
            _ = values.withUnsafeMutableBytes { bytes.copyBytes(to: $0) }
            let columns = shape[shape.count - 1]
            matrices[name] = FeatureMatrix(rows: values.count / columns, columns: columns, values: values)
        }
        self.matrices = matrices
        let json = try Data(contentsOf: folder.appending(path: "diagnostics.json"))
        expected = try JSONSerialization.jsonObject(with: json) as? [String: [String: Any]] ?? [:]
    }
}
