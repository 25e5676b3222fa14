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

    /// Of a range, by its two ends, that is written the wrong way round.
    package static func reversed(_ key: String, _ range: [Double]) -> Self {
        let numbers = range.map { SpecValue.shortest($0) }
        return Self(
            [key], message: "the lower end of the range is above its upper end: [\(numbers[0]), \(numbers[1])]",
            remedy: "write [\(numbers[1]), \(numbers[0])]")
    }
}
