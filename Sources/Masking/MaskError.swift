/// Mask settings from which no valid masks can be drawn.
package struct MaskError: Error, Hashable, CustomStringConvertible {
    /// Key of the setting as in a spec, "masks.min_keep".
    package let setting: String
    package let problem: String
    package let remedy: String
    /// Other settings that may be to blame, the likeliest first.
    package let culprits: [String]

    package init(setting: String, problem: String, remedy: String, culprits: [String] = []) {
        self.setting = setting
        self.problem = problem
        self.remedy = remedy
        self.culprits = culprits
    }

    package var description: String { "\(setting): \(problem); \(remedy)" }
}
