import Foundation

/// Text as it may stand in HTML, in an attribute in double quotes too.
func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        .replacing("\"", with: "&quot;")
}

/// A number for axes and hover values: as short as four significant digits allow.
func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    // Zero has a sign that nobody wants to see.
    return String(format: "%.4g", value == 0 ? 0 : value)
}

/// A coordinate in a picture, to a tenth of a pixel.
func pixel(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// Numbers as a JSON list; what is not finite becomes null.
func jsonList(_ values: [Double]) -> String {
    "[" + values.map { $0.isFinite ? String(format: "%.5g", $0) : "null" }.joined(separator: ",") + "]"
}

/// A string as JSON that may stand in a script element.
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "<", ">", "&": result += String(format: "\\u%04x", scalar.value)
        case _ where scalar.value < 32: result += String(format: "\\u%04x", scalar.value)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
