extension String {
    /// The text with control characters as `\u001b`, so that what comes from files and other programs cannot steer a
    /// terminal: move its cursor, hide or rearrange text, set its title.
    ///
    /// Line feeds (with a carriage return before them, too) and tabs stay. JSON stays the same JSON: it has control
    /// characters in strings only, where this is how they are escaped.
    package var withVisibleControls: String {
        let scalars = Array(unicodeScalars)
        guard scalars.contains(where: \.steersTerminals) else { return self }
        var text = ""
        for (index, scalar) in scalars.enumerated() {
            let endsLine = scalar == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            if scalar.steersTerminals, !endsLine {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Control characters, and those that change the direction of text; all of them have four hexadecimal digits.
    fileprivate var steersTerminals: Bool {
        switch value {
        case 0x09, 0x0A: false
        case 0x00...0x1F, 0x7F...0x9F: true
        case 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
