import FeatureFiles

/// The values of an array that are NaN or infinite: how many there are, and where.
package struct NonFiniteValues: Encodable, Sendable, Hashable {
    package let nan: Int
    package let infinite: Int
    /// Values of the whole array.
    package let count: Int
    /// What the first axis counts: "rows", "objects" or "images".
    package let axis: String
    /// Places along the first axis that hold one, counted from 0, ascending.
    package let places: [Int]
    /// Length of the first axis.
    package let length: Int

    /// Places that are written out; of more, the first so many.
    private static let shown = 5

    /// - Parameter axis: A plural.
    /// - Returns: None where all values are finite.
    init?(of array: FeatureArray, axis: String) {
        let length = array.shape.first ?? 0
        let stride = length > 0 ? array.values.count / length : 0
        var (nan, infinite): (Int, Int) = (0, 0)
        var places: [Int] = []
        for (index, value) in array.values.enumerated() where !value.isFinite {
            if value.isNaN { nan += 1 } else { infinite += 1 }
            if places.last != index / stride { places.append(index / stride) }
        }
        guard !places.isEmpty else { return nil }
        self.nan = nan
        self.infinite = infinite
        count = array.values.count
        self.axis = axis
        self.places = places
        self.length = length
    }

    /// "2 NaN and 1 infinite of 1800 values, in rows 3 and 17 (from 0)".
    package var text: String {
        let kinds = [(nan, "NaN"), (infinite, "infinite")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return "\(kinds.joined(separator: " and ")) of \(count) values, in \(whereabouts) (from 0)"
    }

    private var whereabouts: String {
        let first = places.prefix(Self.shown).map(String.init)
        if places.count > Self.shown {
            return "\(places.count) of \(length) \(axis): \(first.joined(separator: ", ")), …"
        }
        guard let last = first.last, first.count > 1 else { return "\(axis.dropLast()) \(first.joined())" }
        return "\(axis) \(first.dropLast().joined(separator: ", ")) and \(last)"
    }
}
