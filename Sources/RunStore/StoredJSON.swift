package import Foundation
import Safetensors

/// How this project writes JSON files: keys in snake_case and sorted, dates in ISO 8601, files replaced as a whole.
///
/// Numbers that JSON lacks are the strings "nan", "inf" and "-inf". Keys of dictionaries are kept as they are.
package enum StoredJSON {
    /// - Parameter pretty: One key per line, or everything on one.
    package static func encode(_ value: some Encodable, pretty: Bool = true) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.keyEncodingStrategy = .custom { path in JSONKey(snakeCase(path[path.count - 1].stringValue)) }
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(value)
    }

    /// - Parameter file: The name that errors give.
    /// - Throws: `RunStoreError` with the key that is missing or of the wrong type.
    package static func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, from data: Data, file: String
    ) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in JSONKey(camelCase(path[path.count - 1].stringValue)) }
        decoder.dateDecodingStrategy = .iso8601
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            return try decoder.decode(type, from: data)
        } catch let error as DecodingError {
            throw RunStoreError(
                file: file, message: "cannot be parsed: \(explanation(error))",
                remedy: "it is damaged or from another version of cjepa-exp: remove it or its folder")
        }
    }

    /// Replaces the file at `path`.
    /// - Throws: `FileWriteError`; the old file is untouched then.
    package static func write(_ value: some Encodable, to path: String) throws {
        var data = try encode(value)
        data.append(UInt8(ascii: "\n"))
        try AtomicFile.write(data, to: path)
    }

    /// - Throws: `RunStoreError`, also where there is no such file.
    package static func read<Value: Decodable>(_ type: Value.Type = Value.self, from path: String) throws -> Value {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw RunStoreError(
                file: path, message: "cannot be read: \(error.localizedDescription)",
                remedy: "check the path and its permissions")
        }
        return try decode(type, from: data, file: path)
    }

    /// "mlpRatio" → "mlp_ratio", "memoryGiB" → "memory_gib".
    package static func snakeCase(_ name: String) -> String {
        var result = ""
        for character in name.replacing("GiB", with: "Gib") {
            if character.isUppercase { result += "_" }
            result += character.lowercased()
        }
        return result
    }

    /// "mlp_ratio" → "mlpRatio", "memory_gib" → "memoryGiB".
    package static func camelCase(_ key: String) -> String {
        let words = key.split(separator: "_", omittingEmptySubsequences: true)
        guard let first = words.first else { return key }
        return first
            + words.dropFirst().map { $0 == "gib" ? "GiB" : $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static func explanation(_ error: DecodingError) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.map { $0.intValue.map { "[\($0)]" } ?? snakeCase($0.stringValue) }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            return "the key \(place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            let place = place(context.codingPath)
            var reason = context.debugDescription
            if reason.last == "." { reason.removeLast() }
            return place.isEmpty ? reason : "\(place): \(reason)"
        @unknown default: return "\(error)"
        }
    }
}

private struct JSONKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
