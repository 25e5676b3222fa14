import Foundation
import Pickle
import Safetensors
import Synchronization

/// Files of torch.save: the ZIP form since 1.6, and before that pickles in a row.
enum TorchFile {
    /// - Throws: `WeightError`.
    static func read(_ data: Data, path: String) throws -> TorchPickle.Content {
        do {
            return ZipArchive.isArchive(data) ? try zip(data, path) : try pickles(data, path)
        } catch let error as PickleError {
            throw WeightError(file: path, message: error.description, remedy: WeightError.again)
        }
    }

    /// Whether the bytes may be pickles in a row: protocol 2 and the long number that PyTorch begins with.
    static func isRowOfPickles(_ data: Data) -> Bool { data.starts(with: magic) }

    private static let magic: [UInt8] = [
        0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    private static func document(_ data: Data, from offset: Int = 0) throws -> PickleDocument {
        try PickleReader.read(size: data.count, from: offset, policy: TorchPickle.policy) { offset, count in
            guard let piece = data.piece(at: offset, count: count) else {
                throw PickleError(offset: offset, problem: "the pickle is truncated")
            }
            return Array(piece)
        }
    }

    // MARK: ZIP

    private static func zip(_ data: Data, _ path: String) throws -> TorchPickle.Content {
        let archive = try ZipArchive(data, path: path)
        let suffix = "data.pkl"
        // One folder at the top, of any name.
        let pickles = archive.members.keys.filter { $0.hasSuffix("/" + suffix) && $0.split(separator: "/").count == 2 }
        guard pickles.count == 1, let pickle = pickles.first, let content = try archive.content(of: pickle) else {
            throw WeightError(
                file: path, message: "is a ZIP archive, but none that torch.save has written",
                remedy: "give a file of weights: safetensors, or one of torch.save")
        }
        let folder = pickle.dropLast(suffix.count)
        guard !archive.members.keys.contains(where: { $0.hasPrefix(folder + "code/") }) else {
            throw WeightError(
                file: path, message: "is a TorchScript program, not weights alone",
                remedy: "load it in PyTorch, and write its state_dict() with torch.save")
        }
        let order =
            try archive.content(of: folder + "byteorder").map { String(decoding: $0, as: UTF8.self) } ?? "little"
        guard ["little", "big"].contains(order) else {
            throw ZipArchive.failure(
                path, folder + "byteorder", "names the unknown order of bytes \"\(order.prefix(20))\"")
        }
        var storages: [String: MemberStorage] = [:]
        let reader = TorchPickle(document: try document(content), file: path, isBigEndian: order == "big") { name in
            let member = folder + "data/" + name.key
            guard let stored = archive.members[member] else {
                throw ZipArchive.failure(path, member, "is not in the archive, but a tensor refers to it")
            }
            guard multiplied(name.count, name.type?.byteCount ?? 1) == stored.content.count else {
                throw ZipArchive.failure(
                    path, member, "has \(stored.content.count) bytes, but \(name.count) elements are announced")
            }
            if let storage = storages[member] { return storage }
            let storage = MemberStorage(archive: archive, name: member, byteCount: stored.content.count)
            storages[member] = storage
            return storage
        }
        return try reader.content()
    }

    /// A member of an archive, whose checksum is compared the first time.
    private final class MemberStorage: TensorStorage {
        let byteCount: Int
        private let archive: ZipArchive
        private let name: String
        private let checked = Mutex<Data?>(nil)

        init(archive: ZipArchive, name: String, byteCount: Int) {
            self.archive = archive
            self.name = name
            self.byteCount = byteCount
        }

        func bytes() throws -> Data {
            try checked.withLock { checked in
                if let checked { return checked }
                let bytes = try archive.content(of: name) ?? Data()
                checked = bytes
                return bytes
            }
        }
    }

    // MARK: Pickles in a row

    /// Number, protocol, system, object, keys of the storages; then for each key its count and its elements.
    private static func pickles(_ data: Data, _ path: String) throws -> TorchPickle.Content {
        func failure(_ message: String) -> WeightError {
            WeightError(file: path, message: message, remedy: WeightError.again)
        }
        let version = try document(data, from: magic.count)
        guard version.root.integer == 1001 else { throw failure("has the protocol \(version.root.kind), not 1001") }
        let system = try document(data, from: version.end)
        let isBigEndian = system.value(of: "little_endian", in: system.root) == .bool(false)
        let object = try document(data, from: system.end)
        let keyList = try document(data, from: object.end)
        guard let keys = keyList.strings(of: keyList.root), Set(keys).count == keys.count else {
            throw failure("has no list of its storages")
        }
        // Where storages lie is known only with the size of their elements, which the object tells.
        let types = try storageSizes(object, path)
        var places: [String: Data] = [:]
        var place = keyList.end
        for key in keys {
            guard let word = data.littleEndian(at: place, as: Int64.self) else {
                throw failure("is cut off before storage \(key.prefix(40))")
            }
            let count = Int(isBigEndian ? word.byteSwapped : word)
            guard count >= 0, let size = multiplied(count, types[key] ?? 1),
                let bytes = data.piece(at: place + 8, count: size)
            else { throw failure("is cut off in storage \(key.prefix(40)), for which \(count) elements are announced") }
            places[key] = bytes
            place += 8 + size
        }
        let reader = TorchPickle(document: object, file: path, isBigEndian: isBigEndian) { name in
            guard let bytes = places[name.key] else { throw failure("has no storage \(name.key.prefix(40))") }
            guard multiplied(name.count, name.type?.byteCount ?? 1) == bytes.count else {
                throw failure(
                    "has \(bytes.count) bytes of storage \(name.key.prefix(40)), but \(name.count) elements are announced"
                )
            }
            return PlainStorage(content: bytes)
        }
        return try reader.content()
    }

    /// Bytes of an element of each storage that the object names, anywhere in it.
    private static func storageSizes(_ object: PickleDocument, _ path: String) throws -> [String: Int] {
        var sizes: [String: Int] = [:]
        for identifier in object.persistentIdentifiers {
            guard let parts = object.items(of: identifier), parts.count >= 5, case .global(_, let name) = parts[1],
                let key = object.string(parts[2])
            else { continue }
            let size = TorchPickle.storageTypes[name]?.byteCount ?? 1
            guard sizes.updateValue(size, forKey: key) ?? size == size else {
                throw WeightError(
                    file: path, message: "has storage \(key.prefix(40)) with two types", remedy: WeightError.again)
            }
        }
        return sizes
    }
}
