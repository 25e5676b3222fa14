/// Mask settings from which no valid masks can be drawn.
package struct MaskError: Error, Hashable, CustomStringConvertible {
    /// Key of the setting as in a spec, "masks.min_keep".
    package let setting: String
    package let problem: String
    package let remedy: String

    package var description: String { "\(setting): \(problem); \(remedy)" }
}
