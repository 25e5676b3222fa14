import Declarations
import Foundation

/// A spec's text after inheritance and overrides, before its matrix is expanded.
struct SpecDocument: Sendable {
    /// Keys of a spec that are not part of a run's configuration.
    static let ownKeys = ["name", "question", "expected", "expect", "inherit", "seeds", "matrix", "baseline"]
    /// The parts of a matrix; an inheriting spec replaces each part that it gives.
    static let matrixKeys = ["axes", "zip", "include", "exclude", "when"]

    /// A part that is used later, with the folder that its relative paths are relative to.
    struct Part: Sendable {
        let node: SpecNode
        let location: SpecLocation
        let folder: String
        /// How far away it was written: 0 in the spec itself, 1 in the spec that it inherits from, and so on.
        let remoteness: Int
    }

    let path: String
    var name: String
    var question = ""
    var expected = ""
    var settings = SpecSettings()
    /// From `--set`: they win over the arms' own.
    var overrides = SpecSettings()
    var seeds: [Int] = [0]
    var baseline: Part?
    /// Claims about arms; not inherited, as another matrix has other arms.
    var expect: Part?
    var matrix: [String: Part] = [:]
    /// The place of the nearest `matrix:`, or the whole file.
    var matrixLocation: SpecLocation
    /// Where the nearest `matrix:` is, as `Part.remoteness`; none where there is none.
    var matrixRemoteness: Int?
    private let remoteness: Int

    /// A spec that says nothing.
    init(path: String, remoteness: Int = 0) {
        self.path = path
        self.remoteness = remoteness
        name = URL(fileURLWithPath: path).standardizedFileURL.deletingPathExtension().lastPathComponent
        matrixLocation = SpecLocation(file: path, line: 1, column: 1)
    }

    /// Reads a spec and those that it inherits from.
    ///
    /// - Parameters:
    ///   - heir: Where another spec says that it inherits from this one.
    ///   - chain: Specs that are being read because of one another, the first to the last.
    static func read(
        _ path: String, heir: SpecLocation? = nil, chain: [String] = [], _ diagnostics: SpecDiagnostics
    ) throws(SpecErrors) -> SpecDocument {
        let text: String
        do {
            text = try SpecFile.text(of: path)
        } catch {
            throw SpecErrors([
                SpecError(
                    heir ?? SpecLocation(file: path), keyPath: heir.map { _ in "inherit" },
                    heir == nil ? error.message : "\(path): \(error.message)", nearest: error.nearest,
                    remedy: error.remedy)
            ])
        }
        diagnostics.note(text, of: path)
        let whole = SpecLocation(file: path, line: 1, column: 1)
        guard let root = try SpecNode.parse(text, file: path, diagnostics), !root.isNull else {
            throw SpecErrors([SpecError(whole, "the spec is empty", remedy: "docs/spec.md has a small example")])
        }
        guard let entries = root.entries else {
            throw SpecErrors([
                SpecError(
                    root.location, "expected keys with values, found \(root.kindName)", remedy: "write 'key: value'")
            ])
        }
        return read(entries, path: path, chain: chain, diagnostics)
    }

    private static func read(
        _ entries: [SpecNode.Entry], path: String, chain: [String], _ diagnostics: SpecDiagnostics
    ) -> SpecDocument {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        var document = SpecDocument(path: path, remoteness: chain.count)
        if let inherit = entries.first(where: { $0.key == "inherit" }) {
            do {
                document.adopt(try readParent(inherit, of: url, chain: chain + [url.path], diagnostics))
            } catch {
                // The rest of this spec can still be read, but not judged.
                error.errors.forEach(diagnostics.report)
                diagnostics.markUnread(SpecDiagnostics.everything)
            }
        }
        let folder = url.deletingLastPathComponent().path
        var settings: [SpecNode.Entry] = []
        for entry in entries {
            if ownKeys.contains(entry.key) {
                document.readOwn(entry, folder: folder, diagnostics)
            } else if isKnownStart(entry.key) {
                settings.append(entry)
            } else {
                diagnostics.reportUnknownKey(entry, path: entry.key, alsoKnown: ownKeys)
            }
        }
        document.settings.merge(SpecSettings(settings, folder: folder, diagnostics))
        return document
    }

    static func isKnownStart(_ key: String) -> Bool {
        SpecKey.groups.contains(String(key.prefix { $0 != "." }))
    }

    private static func readParent(
        _ entry: SpecNode.Entry, of url: URL, chain: [String], _ diagnostics: SpecDiagnostics
    ) throws(SpecErrors) -> SpecDocument {
        guard let name = entry.value.text else {
            throw SpecErrors([
                SpecError(
                    entry.value.location, keyPath: "inherit",
                    "expected the path of a spec, found \(entry.value.kindName)")
            ])
        }
        let parent = URL(fileURLWithPath: name, relativeTo: url.deletingLastPathComponent()).standardizedFileURL
        if chain.contains(parent.path) {
            let names = (chain + [parent.path]).map { URL(fileURLWithPath: $0).lastPathComponent }
            throw SpecErrors([
                SpecError(
                    entry.location, keyPath: "inherit", "circular inheritance: \(names.joined(separator: " → "))",
                    remedy: "remove one 'inherit'")
            ])
        }
        guard FileManager.default.fileExists(atPath: parent.path) else {
            let folder = parent.deletingLastPathComponent()
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            throw SpecErrors([
                SpecError(
                    entry.location, keyPath: "inherit", "there is no spec \(name)",
                    nearest: nearestName(to: parent.lastPathComponent, among: files.filter { $0.hasSuffix(".spec") }),
                    remedy: "the path is relative to \(url.deletingLastPathComponent().path)")
            ])
        }
        return try read(
            displayPath(of: name, shown: entry.location.file), heir: entry.value.location, chain: chain, diagnostics)
    }

    /// The parent's path as the reader would write it: relative where the child's was.
    private static func displayPath(of name: String, shown: String) -> String {
        if name.hasPrefix("/") { return name }
        let folder = shown.lastIndex(of: "/").map { String(shown[...$0]) } ?? ""
        return folder + name
    }

    /// Takes over everything but what says what this very experiment is about: its name, its question, what is expected
    /// of it, and the claims about its arms.
    private mutating func adopt(_ parent: SpecDocument) {
        settings = parent.settings
        seeds = parent.seeds
        baseline = parent.baseline
        matrix = parent.matrix
        if !parent.matrix.isEmpty {
            matrixLocation = parent.matrixLocation
            matrixRemoteness = parent.matrixRemoteness
        }
    }

    // MARK: Own keys

    mutating func readOwn(_ entry: SpecNode.Entry, folder: String, _ diagnostics: SpecDiagnostics) {
        switch entry.key {
        case "name": if let text = Self.readText(entry, diagnostics) { setName(text, entry, diagnostics) }
        case "question": if let text = Self.readText(entry, diagnostics) { question = text }
        case "expected": if let text = Self.readText(entry, diagnostics) { expected = text }
        case "seeds": if let read = Self.readSeeds(entry, diagnostics) { seeds = read }
        case "expect":
            expect = part(entry, folder: folder)
        case "baseline":
            baseline = part(entry, folder: folder)
        case "matrix": readMatrix(entry, folder: folder, diagnostics)
        default: break
        }
    }

    /// A part of the spec for later; none where it is taken away by null.
    private func part(_ entry: SpecNode.Entry, folder: String) -> Part? {
        entry.value.isNull
            ? nil : Part(node: entry.value, location: entry.location, folder: folder, remoteness: remoteness)
    }

    private static func readText(_ entry: SpecNode.Entry, _ diagnostics: SpecDiagnostics) -> String? {
        if let text = entry.value.text {
            var text = Substring(text)
            while text.last?.isWhitespace == true { text.removeLast() }
            return String(text)
        }
        let isNothing = entry.value.isNull
        diagnostics.report(
            entry.value.location, keyPath: entry.key, "expected text, found \(entry.value.kindName)",
            remedy: isNothing ? "leave it out, or write '' for no text" : "put it in quotes to make it text")
        return nil
    }

    private mutating func setName(_ text: String, _ entry: SpecNode.Entry, _ diagnostics: SpecDiagnostics) {
        if Self.isFileName(text) {
            name = text
        } else {
            diagnostics.report(
                entry.value.location, keyPath: entry.key, "'\(text)' cannot be the name of a folder",
                remedy: Self.fileNameRemedy)
        }
    }

    static let fileNameRemedy =
        "use at most 150 letters, digits and _ - + = . , only, and do not begin with a dot or a hyphen"

    /// Letters, digits and a few signs that no file system or shell minds.
    static func isFileName(_ text: String) -> Bool {
        guard let first = text.first, first != ".", first != "-", text.utf8.count <= 150 else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_-+=.,".unicodeScalars.contains(scalar))
        }
    }

    private static func readSeeds(_ entry: SpecNode.Entry, _ diagnostics: SpecDiagnostics) -> [Int]? {
        let place = entry.value.location
        func refuse(_ message: String) -> [Int]? {
            diagnostics.markUnread("seeds")
            diagnostics.report(
                place, keyPath: "seeds", message, remedy: "write a list, [0, 1, 2], or a count, 3")
            return nil
        }
        switch entry.value.value {
        case .integer(let count)?:
            let most = SpecBounds.runs
            return (1...most).contains(count)
                ? Array(0..<count) : refuse("\(count) is out of range: a count of seeds must be ≥ 1, ≤ \(most)")
        case .list(let values)?:
            let seeds = values.compactMap { Int(specValue: $0) }
            if seeds.count != values.count || seeds.isEmpty || seeds.contains(where: { $0 < 0 }) {
                return refuse("expected whole numbers ≥ 0")
            }
            if Set(seeds).count != seeds.count { return refuse("a seed is listed twice") }
            return seeds
        default:
            return refuse("expected a list of seeds or their count, found \(entry.value.kindName)")
        }
    }

    private mutating func readMatrix(_ entry: SpecNode.Entry, folder: String, _ diagnostics: SpecDiagnostics) {
        matrixLocation = entry.location
        matrixRemoteness = remoteness
        if entry.value.isNull {
            matrix = [:]
            return
        }
        guard let parts = entry.value.entries else {
            diagnostics.markUnread("matrix")
            diagnostics.report(
                entry.value.location, keyPath: "matrix", "expected a group of keys, found \(entry.value.kindName)",
                remedy: "known keys: \(Self.matrixKeys.joined(separator: ", "))")
            return
        }
        for part in parts {
            guard Self.matrixKeys.contains(part.key) else {
                diagnostics.markUnread("matrix")
                diagnostics.markUnread(SpecKey.named(in: part.value))
                diagnostics.report(
                    part.location, keyPath: "matrix.\(part.key)", "unknown key",
                    nearest: nearestName(to: part.key, among: Self.matrixKeys),
                    remedy: "known keys: \(Self.matrixKeys.joined(separator: ", "))")
                continue
            }
            matrix[part.key] = self.part(part, folder: folder)
        }
    }
}
