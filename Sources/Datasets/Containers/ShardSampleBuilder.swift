/// Puts the samples of shards together.
struct ShardSampleBuilder {
    let remedy: String
    private var shards: [TarIndex] = []
    private var shardNumbers: [UInt32] = []
    private var members: [UInt32] = []
    /// Class numbers, or places in `names`.
    private var labels: [Int32] = []
    private var names: [String] = []
    private var nameNumbers: [String: Int32] = [:]
    private var hasNumbers = false
    private var unlabeled: String?

    init(remedy: String) { self.remedy = remedy }

    mutating func add(_ contents: ShardContents) {
        guard let number = UInt32(exactly: shards.count) else { return }
        let table = contents.names.map { name in
            let known = nameNumbers[name] ?? Int32(clamping: names.count)
            if known == names.count {
                names.append(name)
                nameNumbers[name] = known
            }
            return known
        }
        // One with both is refused in the end.
        let isNamed = !contents.hasNumbers && !contents.names.isEmpty
        for (member, label) in zip(contents.members, contents.labels) {
            if label < 0, unlabeled == nil {
                unlabeled = contents.index.path + "/" + contents.index.names[Int(member)]
            }
            members.append(member)
            shardNumbers.append(number)
            labels.append(isNamed && table.indices.contains(Int(label)) ? table[Int(label)] : label)
        }
        hasNumbers = hasNumbers || contents.hasNumbers
        shards.append(contents.index)
    }

    func finish() throws -> ShardSamples {
        guard !members.isEmpty else {
            throw DatasetError(
                place: shards.first?.path ?? "shards", problem: "no sample in \(shards.count) shards has an image",
                remedy: remedy)
        }
        if let unlabeled, labels.contains(where: { $0 >= 0 }) {
            throw DatasetError(
                place: unlabeled, problem: "has no label, but others have",
                remedy: "keep the members of a sample together (tar --sort=name), or say where labels are")
        }
        guard !hasNumbers || names.isEmpty else {
            throw DatasetError(
                place: shards.first?.path ?? "shards", problem: "some labels are numbers and some are names",
                remedy: "say where labels are: cls, json or folder")
        }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let numbers = Dictionary(uniqueKeysWithValues: zip(sorted, (0..<Int32(clamping: sorted.count))))
        let ordered = names.isEmpty ? labels : labels.map { $0 < 0 ? $0 : numbers[names[Int($0)]] ?? -1 }
        return ShardSamples(
            shards: shards, shardNumbers: shardNumbers, members: members, labels: ordered, classNames: sorted)
    }
}
