import Foundation

/// Expands the names of shards: braces as in a shell (`shard-{000..147}.tar`, `{train,extra}-0.tar`), then `*`, `?` and
/// `[a-z]`.
package enum ShardNames {
    /// More names than this are a mistake.
    private static let limit = 1_000_000

    /// The files that patterns stand for: patterns and braces in their order, the matches of one glob sorted by bytes.
    ///
    /// - Parameter folder: What relative patterns begin at.
    /// - Throws: `DatasetError` for names that are missing or come twice, patterns without a match, and braces that
    ///   cannot be read.
    package static func expand(_ patterns: [String], in folder: String, remedy: String) throws -> [String] {
        var paths: [String] = []
        for pattern in patterns {
            for name in try braces(pattern, remedy: remedy) {
                let path = ImageIndex.join(folder, name)
                paths += try hasWildcard(name) ? matches(name, in: folder, remedy: remedy) : [path]
                guard paths.count <= limit else { throw tooMany(pattern, remedy) }
            }
        }
        guard !paths.isEmpty else {
            throw DatasetError(place: folder, problem: "no shards are named", remedy: remedy)
        }
        var seen: Set<String> = []
        if let twice = paths.first(where: { !seen.insert($0).inserted }) {
            throw DatasetError(place: twice, problem: "is named twice among the shards", remedy: remedy)
        }
        let missing = paths.filter { !FileManager.default.fileExists(atPath: $0) }
        guard let first = missing.first else { return paths }
        let others = missing.dropFirst().prefix(3).map { URL(fileURLWithPath: $0).lastPathComponent }
        throw DatasetError(
            place: first,
            problem: missing.count == 1
                ? "is missing, one of \(paths.count) shards"
                : "is missing, and \(missing.count - 1) more of \(paths.count) shards: "
                    + others.joined(separator: ", ") + (missing.count > 4 ? ", …" : ""), remedy: remedy,
            isAbsence: missing.count == paths.count)
    }

    private static func tooMany(_ pattern: String, _ remedy: String) -> DatasetError {
        DatasetError(place: pattern, problem: "stands for more than \(limit) files", remedy: remedy)
    }

    private static func hasWildcard(_ name: String) -> Bool { name.contains { "*?[".contains($0) } }

    /// - Parameter folder: Its own name is no pattern, whatever characters it has.
    private static func matches(_ name: String, in folder: String, remedy: String) throws -> [String] {
        let literal = folder.reduce(into: "") { literal, character in
            if "*?[]\\".contains(character) { literal.append("\\") }
            literal.append(character)
        }
        let pattern = ImageIndex.join(literal, name)
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, GLOB_NOSORT, nil, &found) == 0 else {
            throw DatasetError(
                place: ImageIndex.join(folder, name), problem: "matches no file", remedy: remedy, isAbsence: true)
        }
        let names = (0..<Int(unsafe found.gl_pathc)).compactMap { index in
            unsafe found.gl_pathv[index].flatMap { unsafe String(validatingCString: $0) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Replaces the first pair of braces and goes on with what comes of it.
    static func braces(_ pattern: String, remedy: String) throws -> [String] {
        var done: [String] = []
        // Texts whose first half needs no more work, last one first.
        var open: [String] = [pattern]
        while let text = open.popLast() {
            guard let (head, body, tail) = try split(text, remedy: remedy) else {
                done.append(text)
                guard done.count <= limit else { throw tooMany(pattern, remedy) }
                continue
            }
            let choices = try alternatives(body, pattern: pattern, remedy: remedy)
            guard open.count + choices.count <= limit else { throw tooMany(pattern, remedy) }
            for choice in choices.reversed() { open.append(head + choice + tail) }
        }
        return done
    }

    private static func split(_ text: String, remedy: String) throws -> (String, String, String)? {
        guard let start = text.firstIndex(of: "{") else { return nil }
        var depth = 0
        for index in text[start...].indices {
            if text[index] == "{" { depth += 1 }
            if text[index] == "}" { depth -= 1 }
            if depth == 0 {
                return (
                    String(text[..<start]), String(text[text.index(after: start)..<index]),
                    String(text[text.index(after: index)...])
                )
            }
        }
        throw DatasetError(place: text, problem: "has a brace that is not closed", remedy: remedy)
    }

    private static func alternatives(_ body: String, pattern: String, remedy: String) throws -> [String] {
        if let range = body.firstRange(of: ".."), !body.contains(",") {
            let (low, high) = (String(body[..<range.lowerBound]), String(body[range.upperBound...]))
            guard let first = Int(low), let last = Int(high), first >= 0, last >= 0 else {
                throw DatasetError(
                    place: pattern, problem: "has {\(body)}, which is no range of numbers", remedy: remedy)
            }
            guard abs(last - first) < limit else { throw tooMany(pattern, remedy) }
            // As the shell has it: a leading zero sets the width.
            let padded = [low, high].contains { $0.count > 1 && $0.hasPrefix("0") }
            let width = padded ? max(low.count, high.count) : 0
            return stride(from: first, through: last, by: first <= last ? 1 : -1).map { number in
                let digits = String(number)
                return String(repeating: "0", count: max(0, width - digits.count)) + digits
            }
        }
        var parts = [""]
        var depth = 0
        for character in body {
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        guard parts.count > 1 else {
            throw DatasetError(
                place: pattern, problem: "has {\(body)}, which is neither a range nor a list", remedy: remedy)
        }
        return parts
    }
}
