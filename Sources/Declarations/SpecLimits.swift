/// Bounds of a number; each is optional.
package struct SpecLimits: Hashable, Sendable {
    package var minimum: Double?
    package var exclusiveMinimum: Double?
    package var maximum: Double?
    package var exclusiveMaximum: Double?

    package init(
        minimum: Double? = nil, exclusiveMinimum: Double? = nil, maximum: Double? = nil, exclusiveMaximum: Double? = nil
    ) {
        self.minimum = minimum
        self.exclusiveMinimum = exclusiveMinimum
        self.maximum = maximum
        self.exclusiveMaximum = exclusiveMaximum
    }

    package static let none = SpecLimits()
    package static let positive = SpecLimits(exclusiveMinimum: 0)
    package static let notNegative = SpecLimits(minimum: 0)
    package static let share = SpecLimits(minimum: 0, maximum: 1)
    package static let positiveShare = SpecLimits(exclusiveMinimum: 0, maximum: 1)
    /// A ratio of two sides.
    package static let aspect = SpecLimits(minimum: 0.001, maximum: 1000)
    package static func between(_ minimum: Double, _ maximum: Double) -> SpecLimits {
        SpecLimits(minimum: minimum, maximum: maximum)
    }
    package static func positive(atMost maximum: Double) -> SpecLimits {
        SpecLimits(exclusiveMinimum: 0, maximum: maximum)
    }

    package func contain(_ value: Double) -> Bool {
        value >= (minimum ?? -.infinity) && value <= (maximum ?? .infinity)
            && (exclusiveMinimum.map { value > $0 } ?? true) && (exclusiveMaximum.map { value < $0 } ?? true)
    }

    /// "> 0, ≤ 1"; empty where anything goes.
    package var text: String {
        let parts: [(String, Double?)] = [
            ("≥", minimum), (">", exclusiveMinimum), ("≤", maximum), ("<", exclusiveMaximum),
        ]
        return parts.compactMap { sign, bound in bound.map { "\(sign) \(SpecValue.shortest($0))" } }
            .joined(separator: ", ")
    }
}
