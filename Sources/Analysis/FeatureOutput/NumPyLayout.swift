import Foundation
import Safetensors

/// A .npy file of features alone, [n, …], and a table of the images beside it.
struct NumPyLayout: RowLayout {
    let table: FeatureTable
    private let header: [UInt8]

    var featureOffset: Int { header.count }
    var byteCount: Int { header.count + table.featureBytes }

    /// - Precondition: NumPy has such numbers.
    init(_ table: FeatureTable) {
        guard let type = table.number.numpyType else { preconditionFailure("NumPy has no \(table.number)") }
        self.table = table
        header = NumPyFile.header(type: type, shape: [table.rows] + table.shape)
    }

    func complete(_ file: PartialFile, features: Checksum32) throws { try file.write(header, at: 0) }

    /// "embeddings.npy" → "embeddings-images.csv".
    func companions(of path: String) -> [String] {
        [(path.hasSuffix(".npy") ? String(path.dropLast(4)) : path) + "-images.csv"]
    }

    /// `name,label,label_name`, one line for each row of the features.
    func writeCompanions(of path: String) throws {
        for path in companions(of: path) {
            let file = try AtomicFile(replacing: path)
            try file.write(Data("name,label,label_name\n".utf8))
            for start in stride(from: 0, to: table.rows, by: 4096) {
                let lines = (start..<min(start + 4096, table.rows)).map { row in
                    "\(table.name(row).quotedForCSV),\(table.label(row)),\(table.className(row).quotedForCSV)\n"
                }
                try file.write(Data(lines.joined().utf8))
            }
            try file.commit()
        }
    }
}
