/// Gathers errors while a spec is read, so that one look shows all of them, and what could not be read, so that no error
/// follows from another.
final class SpecDiagnostics {
    /// Stands for every key, where a whole file could not be read.
    static let everything = ""

    private(set) var errors: [SpecError] = []
    private var unread: Set<String> = []
    /// Lines by file, for characters that look like others.
    private var lines: [String: [Substring]] = [:]

    /// Adds an error that is not yet there.
    func report(_ error: SpecError) {
        if !errors.contains(error) { errors.append(error) }
    }

    func report(
        _ location: SpecLocation, keyPath: String? = nil, _ message: String, nearest: String? = nil,
        remedy: String? = nil
    ) {
        report(SpecError(location, keyPath: keyPath, message, nearest: nearest, remedy: remedy))
    }

    /// Keeps the text of a file that errors may be about.
    func note(_ text: String, of file: String) {
        lines[file] = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    }

    // MARK: What is unknown

    /// Notes that a key, or something in a group of keys, could not be read, so that nothing can be said of its value.
    func markUnread(_ path: String) { unread.insert(path) }

    func markUnread(_ paths: some Sequence<String>) { unread.formUnion(paths) }

    /// Whether all of these keys and groups were read as they stand in the spec.
    func isKnown(_ paths: [String]) -> Bool {
        if unread.isEmpty { return true }
        return !unread.contains(Self.everything)
            && !paths.contains { path in
                unread.contains { $0 == path || path.hasPrefix($0 + ".") || $0.hasPrefix(path + ".") }
            }
    }

    /// Whether everything was read.
    var isEverythingKnown: Bool { unread.isEmpty }

    // MARK: The end

    func throwIfAny() throws(SpecErrors) {
        if !errors.isEmpty { throw result }
    }

    /// What was reported: file by file, each in the order of its lines.
    var result: SpecErrors {
        var order: [String: Int] = [:]
        for error in errors where order[error.file] == nil { order[error.file] = order.count }
        let sorted = errors.enumerated().sorted { first, second in
            func rank(_ item: (offset: Int, element: SpecError)) -> [Int] {
                let place = item.element.location
                return [order[place.file] ?? 0, place.line ?? 0, place.column ?? 0, item.offset]
            }
            return rank(first).lexicographicallyPrecedes(rank(second))
        }
        return SpecErrors(sorted.map { explained($0.element) })
    }

    /// The error, with a word on a character of its line that looks like another one.
    private func explained(_ error: SpecError) -> SpecError {
        let line: Substring?
        if let number = error.line {
            line = lines[error.file].flatMap { $0.indices.contains(number - 1) ? $0[number - 1] : nil }
        } else {
            line = error.file.hasPrefix("--") ? error.file[...] : nil
        }
        guard let note = line.flatMap({ LookAlike.note(in: $0, showsColumn: error.line != nil) }) else { return error }
        var error = error
        error.remedy = error.remedy.map { "\($0); \(note)" } ?? note
        return error
    }
}
