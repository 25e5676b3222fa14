/// One line of a chart: an arm's mean over seeds, and the range of its seeds around it.
struct ChartSeries: Hashable, Sendable {
    /// Place of the arm, which decides colour and dashes.
    let arm: Int
    let label: String
    let x: [Double]
    let mean: [Double]
    let low: [Double]
    let high: [Double]

    /// Points of a training series; more than this no screen shows.
    static let mostPoints = 200

    init(arm: Int, label: String, x: [Double], mean: [Double], low: [Double], high: [Double]) {
        self.arm = arm
        self.label = label
        self.x = x
        self.mean = mean
        self.low = low
        self.high = high
    }

    /// Brings the seeds' series together, place by place; values that are not measurable are left out.
    ///
    /// - Parameter seeds: x and y of each seed.
    /// - Returns: None where no finite value is left.
    init?(arm: Int, label: String, seeds: [(x: [Double], y: [Double])]) {
        var values: [Double: [Double]] = [:]
        for seed in seeds {
            for (x, y) in zip(seed.x, seed.y) where x.isMeasurable && y.isMeasurable {
                values[x, default: []].append(y)
            }
        }
        guard !values.isEmpty else { return nil }
        let places = values.keys.sorted()
        let columns = places.map { values[$0] ?? [] }
        self.init(
            arm: arm, label: label, x: places, mean: columns.map { $0.reduce(0, +) / Double($0.count) },
            low: columns.map { $0.min() ?? .nan }, high: columns.map { $0.max() ?? .nan })
    }

    /// Indices of a vector that are drawn: the first ones all, of a long one evenly spread ones of the rest, the last.
    static func places(of count: Int) -> [Int] {
        let whole = 32
        guard count > mostPoints / 2 else { return Array(0..<count) }
        let rest = mostPoints / 2 - whole
        return Array(0..<whole) + (1...rest).map { whole - 1 + (count - whole) * $0 / rest }
    }

    /// A training series with at most `mostPoints` points, each the mean of a stretch of steps.
    static func thinned(x: [Double], y: [Double]) -> (x: [Double], y: [Double]) {
        let stride = (x.count + mostPoints - 1) / mostPoints
        guard stride > 1 else { return (x, y) }
        var (places, values): ([Double], [Double]) = ([], [])
        for start in Swift.stride(from: 0, to: x.count, by: stride) {
            let range = start..<min(start + stride, x.count)
            let finite = y[range].filter(\.isFinite)
            places.append(x[range.upperBound - 1])
            values.append(finite.isEmpty ? .nan : finite.reduce(0, +) / Double(finite.count))
        }
        return (places, values)
    }
}
