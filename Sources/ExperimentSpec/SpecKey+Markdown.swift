import Declarations

extension SpecKey {
    /// All keys as a Markdown table: key, type, default, meaning.
    package static func markdownTable() -> String {
        let rows = all.map { key in
            let cells = [
                "`\(key.path)`", key.typeText, key.defaultValue == .null ? "none" : "`\(key.defaultValue.text)`",
                key.documentation + (key.isIdentity ? "" : " °"),
            ]
            return "| " + cells.joined(separator: " | ") + " |"
        }
        return (["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |"] + rows).joined(separator: "\n")
    }

    /// "pair of numbers, > 0, ≤ 1".
    private var typeText: String {
        var text = type.name
        if isPair, case .list(let element) = type { text = "pair of \(element.name)s" }
        return limits.text.isEmpty ? text : "\(text), \(limits.text)"
    }
}
