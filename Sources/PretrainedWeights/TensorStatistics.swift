/// What the numbers of a tensor are like.
package struct TensorStatistics: Sendable, Equatable {
    /// Of the numbers that are finite; none where there are none.
    package let minimum, maximum, mean, standardDeviation: Double?
    /// Numbers that are NaN or infinite.
    package let nonFinite: Int

    package init(_ values: [Float]) {
        var (count, sum, squares): (Int, Double, Double) = (0, 0, 0)
        var (low, high) = (Float.infinity, -Float.infinity)
        for value in values where value.isFinite {
            count += 1
            sum += Double(value)
            low = min(low, value)
            high = max(high, value)
        }
        let average = sum / Double(max(count, 1))
        for value in values where value.isFinite { squares += (Double(value) - average) * (Double(value) - average) }
        nonFinite = values.count - count
        minimum = count == 0 ? nil : Double(low)
        maximum = count == 0 ? nil : Double(high)
        mean = count == 0 ? nil : average
        standardDeviation = count == 0 ? nil : (squares / Double(count)).squareRoot()
    }
}
