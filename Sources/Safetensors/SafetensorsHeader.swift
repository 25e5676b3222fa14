import Foundation

/// The JSON part of a safetensors file, parsed and checked.
struct SafetensorsHeader {
    struct Entry {
        var name: String
        var dataType: SafetensorsDataType
        var shape: [Int]
        /// Place of its bytes, counted from the end of the header.
        var begin: Int
        var end: Int
    }

    static let metadataKey = "__metadata__"
    /// The limit of the public implementation.
    static let largestLength = 100_000_000

    var metadata: [String: String] = [:]
    /// In the order of their bytes.
    var entries: [Entry] = []
    /// Bytes before the first tensor.
    var byteCount = 8

    init(_ data: Data, file: String) throws {
        func failure(_ message: String, tensor: String? = nil) -> SafetensorsError {
            SafetensorsError(
                file: file, tensor: tensor, message: message,
                remedy: "the file is damaged or not in the safetensors format: write or download it again")
        }
        guard data.count >= 8 else { throw failure("only \(data.count) bytes, shorter than any header") }
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= Self.largestLength else { throw failure("claims a header of \(length) bytes") }
        guard length <= data.count - 8 else {
            throw failure("truncated: the header has \(length) bytes, the file \(data.count)")
        }
        byteCount = 8 + Int(length)
        let json = data[(data.startIndex + 8)..<(data.startIndex + byteCount)]
        guard json.first == UInt8(ascii: "{") else { throw failure("the header is not a JSON object") }

        let header: JSONHeader
        do {
            header = try JSONDecoder().decode(JSONHeader.self, from: json)
        } catch let error as DecodingError {
            throw failure("the header cannot be read: \(Self.explanation(error))")
        }
        metadata = header.metadata

        let available = data.count - byteCount
        for (name, entry) in header.tensors {
            guard let dataType = SafetensorsDataType(rawValue: entry.dtype) else {
                throw failure("unknown element type \"\(entry.dtype)\"", tensor: name)
            }
            var size = dataType.byteCount
            for extent in entry.shape {
                let (product, overflow) = size.multipliedReportingOverflow(by: extent)
                guard extent >= 0, !overflow else { throw failure("impossible shape \(entry.shape)", tensor: name) }
                size = product
            }
            guard entry.data_offsets.count == 2 else {
                throw failure("data_offsets has \(entry.data_offsets.count) numbers instead of 2", tensor: name)
            }
            let (begin, end) = (entry.data_offsets[0], entry.data_offsets[1])
            guard begin >= 0, begin <= end else {
                throw failure("impossible data_offsets \(begin)..<\(end)", tensor: name)
            }
            guard end <= available else {
                throw failure("truncated: its bytes end at \(end), the file's at \(available)", tensor: name)
            }
            guard end - begin == size else {
                throw failure(
                    "\(end - begin) bytes for \(entry.dtype) of shape \(entry.shape), which takes \(size)", tensor: name
                )
            }
            entries.append(
                Entry(name: name, dataType: dataType, shape: entry.shape, begin: begin, end: end))
        }

        entries.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
        var position = 0
        for entry in entries {
            guard entry.begin == position else {
                throw failure(
                    entry.begin < position
                        ? "its bytes overlap those of another tensor"
                        : "\(entry.begin - position) bytes before it belong to no tensor", tensor: entry.name)
            }
            position = entry.end
        }
        guard position == available else {
            throw failure("\(available - position) bytes at the end belong to no tensor")
        }
    }

    /// Header bytes, with the length and padded so that tensors start at a multiple of 8, and the tensors' order.
    ///
    /// Wide elements come first, so every tensor is aligned for its type; then by name.
    static func encoded(
        metadata: [String: String], tensors: [String: SafetensorsSource], file: String
    ) throws -> (header: Data, order: [String]) {
        if tensors[metadataKey] != nil {
            throw SafetensorsError(
                file: file, tensor: metadataKey, message: "the name is reserved", remedy: "give the tensor another name"
            )
        }
        let order = tensors.sorted { a, b in
            (-a.value.dataType.byteCount, a.key) < (-b.value.dataType.byteCount, b.key)
        }.map(\.key)
        var header = JSONHeader(metadata: metadata)
        var position = 0
        for name in order {
            let tensor = tensors[name]!
            header.tensors[name] = JSONEntry(
                dtype: tensor.dataType.rawValue, shape: tensor.shape,
                data_offsets: [position, position + tensor.byteCount])
            position += tensor.byteCount
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json = try encoder.encode(header)
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
        guard json.count <= largestLength else {
            throw SafetensorsError(
                file: file, message: "a header of \(json.count) bytes, more than readers accept",
                remedy: "store fewer tensors or less metadata")
        }
        let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
        return (length + json, order)
    }

    private static func explanation(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            let path = context.codingPath.map(\.stringValue).joined(separator: " → ")
            return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }
}

/// A tensor's description, with the format's own key names.
private struct JSONEntry: Codable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
}

/// An object whose keys are tensor names, one of them `__metadata__`.
private struct JSONHeader: Codable {
    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    var metadata: [String: String]
    var tensors: [String: JSONEntry] = [:]

    init(metadata: [String: String]) { self.metadata = metadata }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        metadata = [:]
        for key in container.allKeys {
            if key.stringValue == SafetensorsHeader.metadataKey {
                metadata = try container.decode([String: String].self, forKey: key)
            } else {
                tensors[key.stringValue] = try container.decode(JSONEntry.self, forKey: key)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        if !metadata.isEmpty {
            try container.encode(metadata, forKey: Key(stringValue: SafetensorsHeader.metadataKey))
        }
        for (name, entry) in tensors { try container.encode(entry, forKey: Key(stringValue: name)) }
    }
}
