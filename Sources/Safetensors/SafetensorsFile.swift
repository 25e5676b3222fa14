package import Foundation

/// A file of named tensors: https://github.com/huggingface/safetensors, section "Format".
///
/// Eight bytes hold the header's length N (little-endian), N bytes of JSON name each tensor's type, shape and place,
/// and the tensors' bytes follow without gaps.
package struct SafetensorsFile: Sendable, Equatable {
    /// Strings under `__metadata__`.
    package var metadata: [String: String] = [:]
    package var tensors: [String: SafetensorsTensor] = [:]
    /// Where it was read, for errors.
    private var path = ""

    package init() {}

    /// Reads and checks a file. Tensors refer to the mapped file; nothing is copied before it is asked for.
    ///
    /// - Throws: `SafetensorsError` naming the file, the tensor and the remedy.
    package init(path: String) throws {
        try self.init(Self.data(of: path), file: path)
    }

    /// The bytes of a file, mapped.
    static func data(of path: String) throws -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw SafetensorsError(
                file: path, message: "cannot be read: \(error.localizedDescription)",
                remedy: "check that the file exists and is readable")
        }
    }

    /// Reads a file that is in memory; `file` is the name that errors give.
    package init(_ data: Data, file: String) throws {
        path = file
        let header = try SafetensorsHeader(data, file: file)
        metadata = header.metadata
        for entry in header.entries {
            let start = data.startIndex + header.byteCount
            tensors[entry.name] = SafetensorsTensor(
                dataType: entry.dataType, shape: entry.shape,
                bytes: data[(start + entry.begin)..<(start + entry.end)], file: file, name: entry.name)
        }
    }

    /// Equal in metadata and tensors, wherever they come from.
    package static func == (a: Self, b: Self) -> Bool { a.metadata == b.metadata && a.tensors == b.tensors }

    /// The tensor of a name.
    /// - Throws: `SafetensorsError` listing near names when there is none.
    package func tensor(_ name: String) throws -> SafetensorsTensor {
        if let tensor = tensors[name] { return tensor }
        let stem = name.split(separator: ".").first.map(String.init) ?? name
        let near = tensors.keys.filter { $0.hasPrefix(stem) }.sorted().prefix(3).joined(separator: ", ")
        throw SafetensorsError(
            file: path, tensor: name, message: "not in the file",
            remedy: near.isEmpty ? "it holds \(tensors.count) tensors with other names" : "there are \(near)…")
    }

    /// Replaces the file at `path` as a whole; equal contents give equal bytes.
    ///
    /// - Throws: `FileWriteError`; what was there before is untouched then.
    package func write(to path: String) throws {
        let (header, order) = try SafetensorsHeader.encoded(
            metadata: metadata, tensors: tensors.mapValues(SafetensorsSource.init), file: path)
        let file = try AtomicFile(replacing: path)
        try file.write(header)
        for name in order { try file.write(tensors[name]!.bytes) }
        try file.commit()
    }

    /// The same from tensors that are made one after the other, so that memory is that of the largest.
    ///
    /// - Throws: `FileWriteError` or what a source throws; what was there before is untouched then.
    package static func write(
        metadata: [String: String], tensors: [String: SafetensorsSource], to path: String
    ) throws {
        let (header, order) = try SafetensorsHeader.encoded(metadata: metadata, tensors: tensors, file: path)
        let file = try AtomicFile(replacing: path)
        try file.write(header)
        for name in order { try tensors[name]?.withBytes { try file.write($0) } }
        try file.commit()
    }
}
