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

    /// - Throws: `RunStoreError`, also where there is no such file, or it is larger than any that this project writes.
    package static func read<Value: Decodable>(_ type: Value.Type = Value.self, from path: String) throws -> Value {
        var status = stat()
        if stat(path, &status) == 0 {
            func failure(_ message: String) -> RunStoreError {
                RunStoreError(
                    file: path, message: message, remedy: "it is not as cjepa-exp wrote it: remove it or its folder")
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw failure("is not a file but a folder, a pipe or a device")
            }
            guard status.st_size <= largestByteCount else {
                throw failure("has \(status.st_size) bytes, too many to be read")
            }
        }
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

    /// An experiment of 100,000 runs takes less.
    private static let largestByteCount = 128 << 20

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
            var text = context.debugDescription
            if text.last == "." { text.removeLast() }
            // Configurations name the key themselves.
            return place.isEmpty || text.hasPrefix("\(place): ") ? text : "\(place): \(text)"
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
