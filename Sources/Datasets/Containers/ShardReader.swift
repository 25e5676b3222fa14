import Foundation

/// The samples of one shard: all that is read of it when a data set is opened.
struct ShardContents: Sendable {
    let index: TarIndex
    /// Member of the shard that each image is.
    var members: [UInt32] = []
    /// Class of each image: its number, or its place in `names`; -1 where there is none.
    var labels: [Int32] = []
    /// Classes that have names, in the order in which they come.
    var names: [String] = []
    /// Whether some classes are numbers.
    var hasNumbers = false

    init(_ index: TarIndex) { self.index = index }
}

/// Groups the members of a shard into samples and reads their labels.
struct ShardReader {
    private enum Label: Hashable {
        case number(Int32)
        case name(String)
    }

    /// Texts with labels are small; what is larger is something else.
    private static let longestLabel = 1 << 20

    let imageExtension: String?
    let rule: ShardSamples.LabelRule
    let remedy: String

    /// - Throws: `DatasetError` for a shard that is broken, or samples that are.
    func read(_ file: PositionalFile) throws -> ShardContents {
        let shard = try TarIndex(file)
        var contents = ShardContents(shard)
        var nameNumbers: [String: Int32] = [:]
        var window = TarWindow(file: file)
        var key = ""
        var parts: [(part: String, member: Int)] = []
        var seen: Set<String> = []
        func close() throws {
            guard let image = try image(key, parts, shard), let member = UInt32(exactly: image) else { return }
            let label = try label(key, parts, image, shard, &window)
            contents.members.append(member)
            switch label {
            case .number(let value):
                contents.hasNumbers = true
                contents.labels.append(value)
            case .name(let name):
                let known = nameNumbers[name] ?? Int32(clamping: contents.names.count)
                if known == contents.names.count {
                    contents.names.append(name)
                    nameNumbers[name] = known
                }
                contents.labels.append(known)
            case nil: contents.labels.append(-1)
            }
        }
        for member in 0..<shard.count {
            let name = shard.names[member]
            guard let (memberKey, part) = Self.split(name) else { continue }
            if memberKey != key {
                try close()
                (key, parts) = (memberKey, [])
                seen.removeAll(keepingCapacity: true)
            }
            guard seen.insert(part).inserted else {
                throw file.failure("has \"\(name)\" twice (the second at byte \(shard.offsets[member]))")
            }
            parts.append((part, member))
        }
        try close()
        return contents
    }

    /// Key and part of a member's name; nil for names without a dot or that begin with one, and for what WebDataset keeps
    /// for itself (`__…__`).
    static func split(_ name: String) -> (key: String, part: String)? {
        let base = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        guard let dot = name[base...].firstIndex(of: "."), dot > base else { return nil }
        let key = name[base..<dot]
        if key.hasPrefix("__"), key.hasSuffix("__") { return nil }
        let part = name[name.index(after: dot)...].lowercased()
        return part.isEmpty ? nil : (String(name[..<dot]), part)
    }

    private func failure(_ shard: TarIndex, _ member: Int, _ problem: String, remedy: String) -> DatasetError {
        DatasetError(
            place: shard.path + "/" + shard.names[member], problem: "\(problem) (at byte \(shard.offsets[member]))",
            remedy: remedy)
    }

    private func image(_ key: String, _ parts: [(part: String, member: Int)], _ shard: TarIndex) throws -> Int? {
        if let imageExtension { return parts.first { $0.part == imageExtension }?.member }
        let images = parts.filter { part in
            ImageExtension.names.contains { part.part == $0 || part.part.hasSuffix("." + $0) }
        }
        // An image of the plain kind beside "seg.png" and the like is the image.
        let plain = images.filter { !$0.part.contains(".") }
        let chosen = plain.isEmpty ? images : plain
        if chosen.count > 1 {
            throw failure(
                shard, chosen[1].member,
                "belongs to the sample \"\(key)\", which has another image, .\(chosen[0].part): a key ends at the first dot",
                remedy: "say which part is the image, or pack with names that have one dot")
        }
        return chosen.first?.member
    }

    private func label(
        _ key: String, _ parts: [(part: String, member: Int)], _ image: Int, _ shard: TarIndex,
        _ window: inout TarWindow
    ) throws -> Label? {
        func member(_ part: String) -> Int? {
            (parts.first { $0.part == part } ?? parts.first { $0.part.hasSuffix("." + part) })?.member
        }
        func text(_ member: Int) throws -> [UInt8] {
            guard shard.sizes[member] <= Self.longestLabel else {
                throw failure(shard, member, "has \(shard.sizes[member]) bytes, too many for a label", remedy: remedy)
            }
            return try window.read(at: shard.offsets[member], upTo: shard.sizes[member])
        }
        func folder() -> Label? {
            let path = shard.names[image].split(separator: "/")
            return path.count > 1 ? .name(String(path[path.count - 2])) : nil
        }
        func missing(_ what: String) -> DatasetError {
            failure(
                shard, image, "has no \(what)",
                remedy: "keep the members of a sample together (tar --sort=name), or say where labels are")
        }
        switch rule {
        case .none: return nil
        case .folder: return try folder() ?? { throw missing("folder that names its class") }()
        case .cls:
            guard let member = member("cls") else { throw missing("member .cls beside it") }
            return try number(text(member), shard, member)
        case .json(let name):
            guard let member = member("json") else { throw missing("member .json beside it") }
            guard let label = try json(text(member), [name], shard, member) else {
                throw failure(shard, member, "has no number or name under \"\(name)\"", remedy: remedy)
            }
            return label
        case .automatic:
            if let member = member("cls") { return try number(text(member), shard, member) }
            if let member = member("json"), let label = try json(text(member), ["label", "cls"], shard, member) {
                return label
            }
            return folder()
        }
    }

    private func number(_ bytes: [UInt8], _ shard: TarIndex, _ member: Int) throws -> Label {
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let value = Int32(text), ImageIndex.classNumbers.contains(value) else {
            throw failure(shard, member, "is \"\(text.prefix(40))\" instead of the number of a class", remedy: remedy)
        }
        return .number(value)
    }

    private func json(_ bytes: [UInt8], _ keys: [String], _ shard: TarIndex, _ member: Int) throws -> Label? {
        let decoded: Any
        do { decoded = try JSONSerialization.jsonObject(with: Data(bytes)) } catch {
            throw failure(shard, member, "is no JSON", remedy: remedy)
        }
        guard let object = decoded as? [String: Any], let value = keys.lazy.compactMap({ object[$0] }).first else {
            return nil
        }
        if let name = value as? String { return .name(name) }
        guard let double = value as? Double, let number = Int32(exactly: double),
            ImageIndex.classNumbers.contains(number)
        else {
            throw failure(shard, member, "has a label that is neither a number from 0 nor a name", remedy: remedy)
        }
        return .number(number)
    }
}
