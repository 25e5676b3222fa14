import Foundation
import Safetensors

/// The tensors of a file or a folder of weights by their names there, whatever the container.
package struct WeightFile: Sendable {
    package enum Container: String, Sendable {
        case safetensors
        /// Several of them, with an index.
        case shards = "safetensors in shards"
        /// A ZIP archive of torch.save.
        case torch = "PyTorch archive"
        /// Pickles in a row, as torch.save wrote them before 1.6.
        case oldTorch = "PyTorch, before 1.6"
    }

    /// As it was given.
    package let path: String
    package let container: Container
    package internal(set) var tensors: [String: StoredTensor] = [:]
    /// Strings beside the tensors of a safetensors file.
    package internal(set) var metadata: [String: String] = [:]
    /// Numbers and texts beside the tensors of a PyTorch file, by their names.
    package internal(set) var values: [String: String] = [:]
    /// Keys of a PyTorch file that were stepped over: the state of an optimiser and the like.
    package internal(set) var steppedOver: [String] = []
    /// What a config.json beside them says.
    var description: ModelDescription?
    /// The files that the tensors are in, sorted.
    private(set) var files: [String] = []

    /// Opens a file, or a folder with model.safetensors, an index of shards, or pytorch_model.bin.
    ///
    /// - Throws: `WeightError`, and `SafetensorsError` for a damaged file of that format.
    package init(path: String) throws {
        self.path = path
        let isFolder = try FileContent.kind(of: path) == .typeDirectory
        let file = isFolder ? try Self.file(inFolder: path) : path
        if file.hasSuffix(".index.json") {
            container = .shards
            try readShards(index: file)
        } else {
            files = [file]
            let data = try FileContent.all(of: file)
            if ZipArchive.isArchive(data) || TorchFile.isRowOfPickles(data) {
                container = ZipArchive.isArchive(data) ? .torch : .oldTorch
                let content = try TorchFile.read(data, path: file)
                (tensors, values, steppedOver) = (content.tensors, content.values, content.steppedOver)
            } else {
                container = .safetensors
                guard Self.mayBeSafetensors(data) else { throw Self.unknown(file, data) }
                try read(SafetensorsFile(path: file), file)
            }
            try checkSizes(against: data.count)
        }
        let config = ((file as NSString).deletingLastPathComponent as NSString).appendingPathComponent("config.json")
        guard FileContent.isThere(config) else { return }
        // Beside a file that was given by itself it may belong to something else.
        description = isFolder ? try ModelDescription(path: config) : try? ModelDescription(path: config)
    }

    /// The file that a folder of weights is about.
    private static func file(inFolder path: String) throws -> String {
        let names = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]
        guard let name = names.first(where: { FileContent.isThere(path + "/" + $0) }) else {
            throw WeightError(
                file: path, message: "is a folder without \(names.joined(separator: ", ")) in it",
                remedy: "give a file of weights, or a folder that save_pretrained has written")
        }
        return path + "/" + name
    }

    private static func mayBeSafetensors(_ data: Data) -> Bool {
        data.count >= 9 && data[data.startIndex + 8] == UInt8(ascii: "{")
    }

    private static func unknown(_ file: String, _ data: Data) -> WeightError {
        let remedy = "give a safetensors file, or one that torch.save has written"
        if data.isEmpty { return WeightError(file: file, message: "is empty", remedy: WeightError.again) }
        if data.starts(with: [0x80]) {
            return WeightError(
                file: file, message: "is a pickle, but none that torch.save has written",
                remedy: "load it in Python, and write the network's state_dict() with torch.save")
        }
        if data.starts(with: [0x1F, 0x8B]) {
            return WeightError(file: file, message: "is compressed (gzip)", remedy: "unpack it first")
        }
        return WeightError(file: file, message: "is no format of weights that is read here", remedy: remedy)
    }

    /// Takes over a file's tensors; one that carries a checksum is compared with it.
    private mutating func read(_ file: SafetensorsFile, _ path: String) throws {
        if file.metadata[SafetensorsFile.checksumKey] != nil { _ = try SafetensorsFile(sealed: path) }
        metadata.merge(file.metadata) { $1 }
        for (name, tensor) in file.tensors {
            guard tensors.updateValue(StoredTensor(tensor), forKey: name) == nil else {
                throw WeightError(
                    file: path, tensor: "tensor \"\(name)\"", message: "is in another shard too",
                    remedy: WeightError.again)
            }
        }
    }

    /// XXH64 of the files' bytes, sixteen hexadecimal digits: what weights are, wherever they lie.
    ///
    /// - Throws: `WeightError` where a file cannot be read any more.
    package func contentDigits() throws -> String {
        var checksum = XXH64()
        for file in files { try FileContent.all(of: file).withUnsafeBytes { checksum.append($0) } }
        return checksum.digits
    }

    // MARK: Shards

    private struct Index: Decodable {
        let weight_map: [String: String]
    }

    /// Reads `…index.json`, which says in which file beside it each tensor is.
    private mutating func readShards(index: String) throws {
        func failure(_ message: String) -> WeightError {
            WeightError(file: index, message: message, remedy: "download the folder again, with all of its files")
        }
        let data = try FileContent.all(of: index)
        guard data.count <= 100 << 20, let map = (try? JSONDecoder().decode(Index.self, from: data))?.weight_map else {
            throw failure("is no index of shards")
        }
        let files = Set(map.values).sorted()
        guard files.count <= 10_000 else { throw failure("names \(files.count) files") }
        let folder = (index as NSString).deletingLastPathComponent
        self.files = files.map { (folder as NSString).appendingPathComponent($0) }
        var size = 0
        for name in files {
            guard !name.contains("/"), !name.contains("\0"), name != "..", !name.isEmpty else {
                throw failure("names a file outside of its folder: \"\(name.prefix(100))\"")
            }
            let path = (folder as NSString).appendingPathComponent(name)
            guard FileContent.isThere(path) else { throw failure("names \(name.prefix(100)), which is not there") }
            size += try FileContent.all(of: path).count
            try read(SafetensorsFile(path: path), path)
        }
        let missing = map.keys.filter { tensors[$0] == nil }.sorted()
        guard missing.isEmpty else { throw failure("names \(missing[0]), which is in none of its files") }
        try checkSizes(against: size)
    }

    /// Tensors may share storage, but not so often that reading all of them takes much more than the file.
    private func checkSizes(against bytes: Int) throws {
        var total: Int? = 0
        for tensor in tensors.values { total = total.flatMap { added($0, tensor.byteCount) } }
        guard let total, total / 4 <= bytes else {
            throw WeightError(
                file: path, message: "has tensors that share their bytes: they take far more than the file's \(bytes)",
                remedy: "write each of them with bytes of its own (clone() in PyTorch)")
        }
    }

    // MARK: Names

    /// One more than the highest number of a block among names that begin with a prefix.
    func blockCount(below prefix: String) -> Int {
        let numbers = tensors.keys.compactMap { name in
            guard name.hasPrefix(prefix) else { return nil as Int? }
            return name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1).first.flatMap { Int($0) }
        }
        // Larger than that is no number of a block, and is refused by whoever asks.
        return numbers.max().map { min($0, 1 << 20) + 1 } ?? 0
    }
}
