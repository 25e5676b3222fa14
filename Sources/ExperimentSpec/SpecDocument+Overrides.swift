import Declarations
import Foundation

extension SpecDocument {
    /// Those of the keys that are not part of a run's configuration that `--set` may give.
    static let overridable = ["name", "question", "expected", "seeds", "baseline"]
    /// Those of them that are text, which needs no quotes on the command line.
    private static let texts = ["name", "question", "expected"]

    /// Applies `key.path=value` texts of the command line; relative folders are relative to the working directory.
    mutating func override(_ texts: [String], _ diagnostics: SpecDiagnostics) {
        let folder = FileManager.default.currentDirectoryPath
        var entries: [SpecNode.Entry] = []
        for text in texts {
            guard let entry = Self.entry(text, diagnostics) else { continue }
            if Self.overridable.contains(entry.key) {
                readOwn(entry, folder: folder, diagnostics)
            } else if Self.ownKeys.contains(String(entry.key.prefix { $0 != "." })) {
                diagnostics.report(
                    entry.location, keyPath: entry.key, "cannot be set from the command line",
                    remedy: "change it in the spec")
            } else if !Self.isKnownStart(entry.key) {
                diagnostics.reportUnknownKey(entry, path: entry.key, alsoKnown: Self.overridable)
            } else if let error = Self.misspelling(of: entry) {
                diagnostics.markUnread(entry.key)
                diagnostics.report(error)
            } else {
                entries.append(entry)
            }
        }
        overrides = SpecSettings(entries, folder: folder, diagnostics)
    }

    private static func entry(_ text: String, _ diagnostics: SpecDiagnostics) -> SpecNode.Entry? {
        let place = SpecLocation(file: "--set \(text)")
        let equals = text.firstIndex(of: "=")
        let path = text[..<(equals ?? text.startIndex)].trimmingCharacters(in: .whitespaces)
        guard let equals, !path.isEmpty else {
            diagnostics.report(place, "expected key.path=value", remedy: "for example --set training.steps=100")
            return nil
        }
        let written = text[text.index(after: equals)...].trimmingCharacters(in: .whitespaces)
        if isPlainText(written, of: path) {
            let node = SpecNode(content: .scalar(.text(written)), location: place, written: written)
            return SpecNode.Entry(key: path, location: place, value: node)
        }
        do {
            let parsed = try SpecNode.parse(written, file: place.file, hasLines: false, diagnostics)
            let node = parsed ?? SpecNode(content: .scalar(.null), location: place, written: "")
            return SpecNode.Entry(key: path, location: place, value: node)
        } catch {
            error.errors.forEach(diagnostics.report)
            diagnostics.markUnread(path)
            return nil
        }
    }

    /// Whether a value is text as it stands, although YAML might see a number, a comment or a group in it: the shell takes
    /// quotes away.
    private static func isPlainText(_ value: String, of path: String) -> Bool {
        guard texts.contains(path) || SpecKey.byPath[path]?.type == .text, let first = value.first else { return false }
        return first != "\"" && first != "'" && !["~", "null"].contains(value)
    }

    /// The error for a value that would be right in a spelling that shells or other programs have.
    private static func misspelling(of entry: SpecNode.Entry) -> SpecError? {
        guard let key = SpecKey.byPath[entry.key], let written = entry.value.written, written.contains(","),
            case .failure(let rejection) = key.decode(entry.value)
        else { return nil }
        let parts = written.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        return SpecError(
            entry.location, keyPath: entry.key, rejection.message, nearest: rejection.nearest,
            remedy: remedy(for: parts, of: key) ?? rejection.remedy)
    }

    private static func remedy(for parts: [String], of key: SpecKey) -> String? {
        if let first = parts.first, parts.dropFirst().contains(where: { isSetting($0) }) {
            let settings = (["\(key.path)=\(first)"] + parts.dropFirst()).map { "--set \($0)" }
            return "give each key its own --set: \(settings.joined(separator: " "))"
        }
        let nodes = parts.map { SpecNode.scalar($0) }
        let list = SpecNode(content: .list(nodes), location: SpecLocation(file: ""))
        if case .success = key.decode(list) {
            return "write a list, in quotes for the shell: --set '\(key.path)=[\(parts.joined(separator: ", "))]'"
        }
        let isSweep = nodes.allSatisfy { if case .success = key.decode($0) { true } else { false } }
        return isSweep
            ? "--set takes one value; for an arm of each, write an axis in the spec's matrix: "
                + "{key: \(key.path), values: [\(parts.joined(separator: ", "))]}"
            : nil
    }

    private static func isSetting(_ text: String) -> Bool {
        guard let equals = text.firstIndex(of: "=") else { return false }
        let path = String(text[..<equals])
        return isKnownStart(path) || overridable.contains(path)
    }
}
