import Foundation
import Safetensors

extension EmbeddingSet {
    /// `index,label,label_name,f0,…`; numbers in the shortest form that reads back as the same float32.
    func writeCSV(to path: String) throws {
        let file = try AtomicFile(replacing: path)
        let heading = ["index", "label", "label_name"] + (0..<width).map { "f\($0)" }
        try file.write(Data((heading.joined(separator: ",") + "\n").utf8))
        try writeLines(to: file) { row in
            let name = labelName(labels[row]).quotedForCSV
            return "\(indices[row]),\(labels[row]),\(name),\(numbers(row, separator: ","))\n"
        }
        try file.commit()
    }

    /// The projector's pair: vectors without a heading, metadata with one, line for line.
    func writeProjectorFiles(vectors: String, metadata: String) throws {
        let vectorFile = try AtomicFile(replacing: vectors)
        try writeLines(to: vectorFile) { "\(numbers($0, separator: "\t"))\n" }
        let metadataFile = try AtomicFile(replacing: metadata)
        try metadataFile.write(Data("label_name\tlabel\tindex\n".utf8))
        try writeLines(to: metadataFile) { row in "\(labelName(labels[row]))\t\(labels[row])\t\(indices[row])\n" }
        try vectorFile.commit()
        try metadataFile.commit()
    }

    private func numbers(_ row: Int, separator: String) -> String {
        features[row * width..<(row + 1) * width].map { "\($0)" }.joined(separator: separator)
    }

    /// Writes every row's line, a few hundred at a time, so that large sets need no second copy in memory.
    private func writeLines(to file: AtomicFile, line: (Int) -> String) throws {
        for start in stride(from: 0, to: rows, by: 256) {
            let lines = (start..<min(start + 256, rows)).map(line).joined()
            try file.write(Data(lines.utf8))
        }
    }
}
