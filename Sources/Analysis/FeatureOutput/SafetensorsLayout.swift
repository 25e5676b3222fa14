import Foundation
import Safetensors

/// A safetensors file: `features` [n, …], `labels` [n] I32, `names`, the UTF-8 of all names one behind the other, U8, and
/// `name_ends` [n] I64, the places in it at which they end.
struct SafetensorsLayout: RowLayout {
    let table: FeatureTable
    private let plan: SafetensorsPlan

    var featureOffset: Int { place("features") }
    var byteCount: Int { plan.byteCount }

    init(_ table: FeatureTable, path: String) throws {
        self.table = table
        var metadata = Dictionary(table.origin.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        if let names = table.classNames {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            metadata["label_names"] = String(decoding: try encoder.encode(names), as: UTF8.self)
        }
        plan = try SafetensorsPlan(
            metadata: metadata,
            tensors: [
                "features": (table.number.safetensorsType, [table.rows] + table.shape),
                "labels": (.int32, [table.rows]), "names": (.uint8, [NameLengths(table).total]),
                "name_ends": (.int64, [table.rows]),
            ], file: path)
    }

    private func place(_ name: String) -> Int { plan.offsets[name] ?? 0 }

    func complete(_ file: PartialFile, features: Checksum32) throws {
        try file.write(Array(plan.header), at: 0)
        var labels = SequentialOutput(file, at: place("labels"))
        try table.writeLabels(to: &labels)
        try labels.flush()
        var (names, ends) = (SequentialOutput(file, at: place("names")), SequentialOutput(file, at: place("name_ends")))
        var end = 0
        for row in 0..<table.rows {
            let name = table.name(row).utf8
            end += name.count
            try names.append(name)
            try ends.append(littleEndian: Int64(end))
        }
        try names.flush()
        try ends.flush()
    }
}
