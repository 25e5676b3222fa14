/// Embeddings of one run on their first two principal components, for a scatter plot coloured by label.
package struct EmbeddingMap: Sendable, Hashable {
    package struct Point: Sendable, Hashable {
        package let x: Double
        package let y: Double
        package let label: Int32
    }

    /// More points than this say nothing more to the eye; images are taken at equal distances.
    static let mostPoints = 1_000
    /// Rounds of the power iteration; the map needs directions to a degree, not to an ulp.
    private static let rounds = 60

    package let arm: String
    package let seed: Int
    package let step: Int
    package let encoder: String
    package let points: [Point]
    /// Shares of the whole variance that the two components hold; 0 where the features do not vary.
    package let shares: [Double]
    /// Labels in the order of their numbers, with their names.
    package let labels: [(Int32, String)]

    package static func == (a: EmbeddingMap, b: EmbeddingMap) -> Bool {
        a.arm == b.arm && a.seed == b.seed && a.step == b.step && a.encoder == b.encoder && a.points == b.points
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(arm)
        hasher.combine(points)
    }

    /// Rows that are not finite are left out.
    package init(_ set: EmbeddingSet, arm: String, seed: Int) {
        self.arm = arm
        self.seed = seed
        step = set.step
        encoder = set.encoder
        let width = set.width
        let stride = max(1, (set.rows + Self.mostPoints - 1) / Self.mostPoints)
        let rows = Swift.stride(from: 0, to: set.rows, by: stride).filter { row in
            set.features[(row * width)..<((row + 1) * width)].allSatisfy(\.isFinite)
        }
        var features = rows.flatMap { row in set.features[(row * width)..<((row + 1) * width)].map(Double.init) }
        Self.centre(&features, width: width)
        let variance = features.reduce(0) { $0 + $1 * $1 }
        let components = Self.components(of: features, width: width, count: min(2, width))
        let places = components.map { Self.product(features, width: width, $0) }
        shares = places.map { place in variance > 0 ? place.reduce(0) { $0 + $1 * $1 } / variance : 0 }
        points = rows.indices.map { index in
            Point(
                x: places.first?[index] ?? 0, y: places.count > 1 ? places[1][index] : 0,
                label: set.labels[rows[index]])
        }
        labels = Set(points.map(\.label)).sorted().map { ($0, set.labelName($0)) }
    }

    private static func centre(_ features: inout [Double], width: Int) {
        guard width > 0, !features.isEmpty else { return }
        let rows = features.count / width
        var mean = [Double](repeating: 0, count: width)
        for index in features.indices { mean[index % width] += features[index] }
        for index in features.indices { features[index] -= mean[index % width] / Double(rows) }
    }

    /// X v, [rows].
    private static func product(_ x: [Double], width: Int, _ v: [Double]) -> [Double] {
        (0..<(width > 0 ? x.count / width : 0)).map { row in
            var total = 0.0
            for column in 0..<width { total += x[row * width + column] * v[column] }
            return total
        }
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        var total = 0.0
        for (x, y) in zip(a, b) { total += x * y }
        return total
    }

    /// The leading right singular vectors of centred features by power iteration, each orthogonal to those before and
    /// with its largest entry positive, so that equal features give equal maps.
    private static func components(of x: [Double], width: Int, count: Int) -> [[Double]] {
        var found: [[Double]] = []
        for number in 0..<count {
            // Any start that is not orthogonal to what is looked for; this one never repeats itself.
            var v = (0..<width).map { column -> Double in
                let place = (column * 7919 + number * 104_729) % 1009
                return 1 + Double(place) / 2018
            }
            for _ in 0..<rounds {
                let y = product(x, width: width, v)
                var next = [Double](repeating: 0, count: width)
                for row in y.indices {
                    for column in 0..<width { next[column] += x[row * width + column] * y[row] }
                }
                for other in found {
                    let overlap = Self.dot(next, other)
                    for column in 0..<width { next[column] -= overlap * other[column] }
                }
                let norm = next.reduce(0) { $0 + $1 * $1 }.squareRoot()
                guard norm > 0 else { break }
                v = next.map { $0 / norm }
            }
            for other in found {
                let overlap = Self.dot(v, other)
                for column in 0..<width { v[column] -= overlap * other[column] }
            }
            let norm = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let largest = v.max { abs($0) < abs($1) } ?? 1
            let factor = norm > 0 ? (largest < 0 ? -1 : 1) / norm : 0
            found.append(v.map { $0 * factor })
        }
        return found
    }
}
