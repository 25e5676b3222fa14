import Foundation

extension ComparisonTable {
    /// Everything in the table, with the value of every seed; fields in docs/tables.md.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let document = Document(formatVersion: 1, legend: legend, table: self)
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }

    private struct Document: Encodable {
        let formatVersion: Int
        let legend: [String]
        let table: ComparisonTable

        enum CodingKeys: CodingKey { case formatVersion, legend }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(formatVersion, forKey: .formatVersion)
            try container.encode(legend, forKey: .legend)
            try table.encode(to: encoder)
        }
    }
}
