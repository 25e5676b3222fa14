import ExperimentSpec
import Foundation

/// Words that a researcher puts on a run to find it again: `tags.json` in its folder.
package struct RunTags: Codable, Sendable, Equatable {
    /// Sorted, each once.
    package private(set) var tags: [String]

    package init(_ tags: some Sequence<String> = []) {
        self.tags = Set(tags).sorted()
    }

    package mutating func add(_ tag: String) { self = RunTags(tags + [tag]) }
    package mutating func remove(_ tag: String) { tags.removeAll { $0 == tag } }

    /// Letters, digits and "-_.:+/", so that a tag needs no quotes in a shell.
    package static func isValid(_ tag: String) -> Bool {
        !tag.isEmpty && !tag.hasPrefix("-")
            && tag.allSatisfy { $0.isLetter || $0.isNumber || "-_.:+/".contains($0) }
    }
}

extension RunDirectory {
    package var tagsFile: String { path + "/tags.json" }

    /// The tags; none where nobody put any.
    /// - Throws: `RunStoreError` where the file is damaged.
    package func loadTags() throws -> RunTags {
        guard FileManager.default.fileExists(atPath: tagsFile) else { return RunTags() }
        return try StoredJSON.read(RunTags.self, from: tagsFile)
    }

    /// - Throws: `FileWriteError`; the old tags are untouched then.
    package func save(_ tags: RunTags) throws { try StoredJSON.write(tags, to: tagsFile) }

    /// Whether the run has every one of `wanted`; a file that cannot be read has none.
    package func hasTags(_ wanted: [String]) -> Bool {
        wanted.isEmpty || Set(wanted).isSubset(of: (try? loadTags().tags) ?? [])
    }
}

extension RunTags {
    /// What to say where no run has all of `wanted`: the tags that there are.
    package static func noMatch(
        for wanted: [String], among runs: [RunDirectory]
    ) -> (message: String, remedy: String) {
        let message =
            wanted.count == 1
            ? "no run has the tag \(wanted[0])" : "no run has all of the tags \(wanted.joined(separator: ", "))"
        let known = RunTags(runs.flatMap { (try? $0.loadTags().tags) ?? [] }).tags
        if known.isEmpty { return (message, "no run has any tag yet: `cjepa-exp tag RUN TAG` adds one") }
        let nearest = wanted.lazy.filter { !known.contains($0) }.compactMap { nearestName(to: $0, among: known) }.first
        return (
            message, (nearest.map { "did you mean \($0)? " } ?? "") + "tags in use: \(known.joined(separator: ", "))"
        )
    }
}
