import Foundation

/// Text as it may stand in HTML and XML, in an attribute in double quotes too. Characters that XML cannot hold are replaced.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "\n", "\t": result.unicodeScalars.append(scalar)
        case _ where scalar.value < 32 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A number for axes and hover values: as short as four significant digits allow.
func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    // Zero has a sign that nobody wants to see.
    return String(format: "%.4g", value == 0 ? 0 : value)
}

/// A coordinate in a picture, to a tenth of a pixel.
func pixel(_ value: Double) -> String { trimmed(String(format: "%.1f", value)) }

/// A coordinate on paper, to a hundredth of a point.
func point(_ value: Double) -> String { trimmed(String(format: "%.2f", value)) }

private func trimmed(_ text: String) -> String {
    var text = Substring(text)
    guard text.contains(".") else { return String(text) }
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text == "-0" ? "0" : String(text)
}

/// How much room text takes, roughly: charts are laid out without the font that will be used. The widths are those of
/// DejaVu Sans, one of the widest fonts in use, so that other fonts leave room and none overflows.
enum TextWidth {
    /// - Returns: In units of the font's size.
    static func of(_ text: String) -> Double {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar {
            case "i", "l", "j", ".", ",", ":", ";", "'", "|", "!", " ", "I": width + 0.33
            case "f", "t", "r", "(", ")", "[", "]", "-", "/", "J": width + 0.41
            case "m", "w", "M", "W", "%", "@": width + 0.97
            case "A"..."Z", "+", "−", "=", "±", "–": width + 0.75
            default: width + (scalar.value > 0x2E80 ? 1 : 0.63)
            }
        }
    }

    /// Text in lines that are no wider than `width`, broken at spaces.
    static func wrapped(_ text: String, size: Double, width: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, of(last + " " + word) * size <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// Text that fits into `width`; what is too long ends in "…".
    static func fitted(_ text: String, size: Double, width: Double) -> String {
        guard of(text) * size > width else { return text }
        var kept = Substring(text)
        while !kept.isEmpty, of(kept + "…") * size > width { kept.removeLast() }
        return kept + "…"
    }
}
