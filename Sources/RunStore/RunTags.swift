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
