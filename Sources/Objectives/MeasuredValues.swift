/// The numbers that the terms of an objective came to in a step: for each term its loss and then its parts.
///
/// A value of fixed size, so that a step makes no array.
package struct MeasuredValues: Sendable, Hashable {
    /// More than the terms of one objective have together.
    package static let capacity = 32

    private var values = InlineArray<32, Double>(repeating: 0)
    package private(set) var count = 0

    package init() {}

    package init(_ values: [Double]) { values.forEach { append($0) } }

    package mutating func append(_ value: Double) {
        precondition(count < Self.capacity, "an objective of more than \(Self.capacity) numbers")
        values[count] = value
        count += 1
    }

    package subscript(index: Int) -> Double {
        get {
            precondition(index < count, "value \(index) of \(count)")
            return values[index]
        }
        set {
            precondition(index < count, "value \(index) of \(count)")
            values[index] = newValue
        }
    }

    package var array: [Double] { (0..<count).map { values[$0] } }

    package static func == (a: MeasuredValues, b: MeasuredValues) -> Bool {
        a.count == b.count && (0..<a.count).allSatisfy { a.values[$0] == b.values[$0] }
    }

    package func hash(into hasher: inout Hasher) {
        for index in 0..<count { hasher.combine(values[index]) }
    }
}
