import Foundation
import Safetensors

extension EmbeddingSet {
    /// `index,label,label_name,f0,…`; numbers in the shortest form that reads back as the same float32.
    func writeCSV(to path: String) throws {
        let file = try AtomicFile(replacing: path)
        let heading = ["index", "label", "label_name"] + (names == nil ? [] : ["file"]) + (0..<width).map { "f\($0)" }
        try file.write(Data((heading.joined(separator: ",") + "\n").utf8))
        try writeLines(to: file) { row in
            let name = labelName(labels[row]).quotedForCSV
            let file = names.map { $0[row].quotedForCSV + "," } ?? ""
            return "\(indices[row]),\(labels[row]),\(name),\(file)\(numbers(row, separator: ","))\n"
        }
        try file.commit()
    }

    /// The projector's pair: vectors without a heading, metadata with one, line for line.
    func writeProjectorFiles(vectors: String, metadata: String) throws {
        let vectorFile = try AtomicFile(replacing: vectors)
        try writeLines(to: vectorFile) { "\(numbers($0, separator: "\t"))\n" }
        let metadataFile = try AtomicFile(replacing: metadata)
        try metadataFile.write(Data("label_name\tlabel\tindex\(names == nil ? "" : "\tfile")\n".utf8))
        try writeLines(to: metadataFile) { row in
            let file = names.map { "\t" + $0[row].inOneField } ?? ""
            return "\(labelName(labels[row]))\t\(labels[row])\t\(indices[row])\(file)\n"
        }
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

extension String {
    /// What separates fields and lines as a space: the projector knows no quotation marks.
    fileprivate var inOneField: String { String(map { $0 == "\t" || $0.isNewline ? " " : $0 }) }
}
