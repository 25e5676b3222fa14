import Foundation

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
