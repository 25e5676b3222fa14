import Foundation
import Safetensors

/// A .npz archive, not compressed: `features` [n, …], `labels` [n], `names` [n], `label_names` where classes have names,
/// and `origin`, JSON in an array of no axes.
struct ArchiveLayout: RowLayout {
    let table: FeatureTable
    private let members: [ZipMember]
    private let headers: [[UInt8]]
    private let limit: Int
    private let namePoints: Int
    private let classNamePoints: Int
    private let origin: String
    private let directoryBytes: Int

    var featureOffset: Int { members[0].contentOffset + headers[0].count }
    private var directoryStart: Int { members.last?.end ?? 0 }
    let byteCount: Int

    /// - Parameter limit: Sizes from which on numbers have 64 bits; smaller in tests.
    /// - Precondition: NumPy has such numbers.
    init(_ table: FeatureTable, limit: Int = ZipMember.usualLimit) {
        guard let type = table.number.numpyType else { preconditionFailure("NumPy has no \(table.number)") }
        self.table = table
        self.limit = limit
        namePoints = NameLengths(table).longestInPoints
        let classNames = table.classNames ?? []
        classNamePoints = NameLengths(classNames).longestInPoints
        origin = Self.json(table.origin)
        let points = max(1, origin.unicodeScalars.count)
        let rows = [table.rows]
        var arrays: [(name: String, type: String, shape: [Int], byteCount: Int)] = [
            ("features", type, rows + table.shape, table.featureBytes), ("labels", "<i4", rows, 4 * table.rows),
            ("names", "<U\(namePoints)", rows, 4 * namePoints * table.rows),
        ]
        if !classNames.isEmpty {
            arrays.append(
                (
                    "label_names", "<U\(classNamePoints)", [classNames.count], 4 * classNamePoints * classNames.count
                ))
        }
        arrays.append(("origin", "<U\(points)", [], 4 * points))
        headers = arrays.map { NumPyFile.header(type: $0.type, shape: $0.shape) }
        var members: [ZipMember] = []
        for (array, header) in zip(arrays, headers) {
            members.append(
                ZipMember(
                    name: array.name + ".npy", byteCount: header.count + array.byteCount,
                    offset: members.last?.end ?? 0, limit: limit))
        }
        self.members = members
        let start = members.last?.end ?? 0
        directoryBytes = members.reduce(0) { $0 + $1.directoryEntry(checksum: 0).count }
        byteCount =
            start + directoryBytes
            + ZipMember.ending(members: members.count, directory: start..<(start + directoryBytes), limit: limit).count
    }

    /// One object; keys in their order.
    static func json(_ pairs: [(key: String, value: String)]) -> String {
        func quoted(_ text: String) -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
        }
        return "{" + pairs.map { "\(quoted($0.key)): \(quoted($0.value))" }.joined(separator: ", ") + "}"
    }

    func complete(_ file: PartialFile, features: Checksum32) throws {
        try file.write(headers[0], at: members[0].contentOffset)
        var first = Checksum32(headers[0])
        first.append(features)
        var checksums = [first.value]
        for (member, header) in zip(members, headers).dropFirst() {
            var output = SequentialOutput(file, at: member.contentOffset)
            try output.append(header)
            switch member.name {
            case "labels.npy": try table.writeLabels(to: &output)
            case "names.npy": try output.append((0..<table.rows).lazy.map(table.name), points: namePoints)
            case "label_names.npy": try output.append(table.classNames ?? [], points: classNamePoints)
            default: try output.append([origin], points: max(1, origin.unicodeScalars.count))
            }
            try output.flush()
            checksums.append(output.checksum.value)
        }
        for (member, checksum) in zip(members, checksums) {
            try file.write(member.localHeader(checksum: checksum), at: member.offset)
        }
        let directory = zip(members, checksums).flatMap { $0.directoryEntry(checksum: $1) }
        let range = directoryStart..<(directoryStart + directory.count)
        try file.write(
            directory + ZipMember.ending(members: members.count, directory: range, limit: limit), at: directoryStart)
    }
}
