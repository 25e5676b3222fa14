/// Something that cannot work, found before anything runs.
package struct SpecFinding: Error, Hashable {
    /// Paths of the keys that say so, the likeliest culprit first.
    package let keys: [String]
    package let message: String
    package let remedy: String

    package init(_ keys: [String], message: String, remedy: String) {
        self.keys = keys
        self.message = message
        self.remedy = remedy
    }
}
