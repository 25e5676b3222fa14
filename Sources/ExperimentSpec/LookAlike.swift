/// Characters that look like those of YAML and are not: editors, web pages and word processors put them in.
enum LookAlike {
    private static let known: [Unicode.Scalar: (name: String, remedy: String)] = [
        "\u{A0}": ("a non-breaking space", "write a plain space"),
        "\u{2007}": ("a figure space", "write a plain space"),
        "\u{202F}": ("a narrow non-breaking space", "write a plain space"),
        "\u{3000}": ("an ideographic space", "write a plain space"),
        "\u{200B}": ("a zero-width space", "remove it"),
        "\u{FEFF}": ("a byte order mark", "remove it"),
        "\u{2018}": ("a curly quote", "write '"),
        "\u{2019}": ("a curly quote", "write '"),
        "\u{201C}": ("a curly quote", "write \""),
        "\u{201D}": ("a curly quote", "write \""),
        "\u{2212}": ("a minus sign instead of a hyphen", "write -"),
        "\u{2013}": ("an en dash", "write -"),
        "\u{FF1A}": ("a full-width colon", "write a plain colon and a space"),
        "\u{FF0C}": ("a full-width comma", "write a plain comma"),
    ]

    /// What the first of them in a line is, and what to write; none where there is none before a comment.
    ///
    /// - Parameter showsColumn: Whether the line is one of a file.
    static func note(in line: Substring, showsColumn: Bool) -> String? {
        var previous: Unicode.Scalar?
        for (column, scalar) in line.unicodeScalars.enumerated() {
            if scalar == "#", previous == " " { return nil }
            if let (name, remedy) = known[scalar] {
                let hex = String(scalar.value, radix: 16, uppercase: true)
                let code = String(repeating: "0", count: 4 - hex.count) + hex
                let place = showsColumn ? "column \(column + 1) has" : "there is"
                return "\(place) \(name) (U+\(code)): \(remedy)"
            }
            previous = scalar
        }
        return nil
    }
}
