/// Whether predictions know more than the mean of the targets.
///
/// A falling loss means nothing if the targets shrink. R² = 1 − Σ‖t − p‖² / Σ‖t − m‖² does not fall for it: m is the mean
/// target over everything (`r2`), or the mean target at the same position (`r2Position`), which a predictor can know
/// without looking at the image.
package struct PredictorSkill: Sendable {
    /// Width D of the targets.
    package let columns: Int
    /// Number of positions N.
    package let positions: Int
    /// Targets seen.
    package private(set) var count = 0

    private var residual = 0.0
    /// Per position: targets seen, mean [D], and Σ‖t − mean‖² as they came (Welford; Chan et al. for merging).
    private var counts: [Int]
    private var means: [Double]
    private var spreads: [Double]

    package init(columns: Int, positions: Int) {
        precondition(columns > 0 && positions > 0, "no targets of width \(columns) at \(positions) positions")
        self.columns = columns
        self.positions = positions
        counts = Array(repeating: 0, count: positions)
        means = Array(repeating: 0, count: positions * columns)
        spreads = Array(repeating: 0, count: positions)
    }

    /// Takes in more predictions.
    ///
    /// - Parameters:
    ///   - predictions: [rows, D], row-major.
    ///   - targets: [rows, D].
    ///   - positions: The patch that each row is about, 0..<N, [rows].
    package mutating func add(predictions: [Float], targets: [Float], positions ids: [Int32]) {
        precondition(
            predictions.count == ids.count * columns && targets.count == predictions.count,
            "predictions \(predictions.count), targets \(targets.count) for [\(ids.count), \(columns)]")
        precondition(
            ids.allSatisfy { $0 >= 0 && $0 < positions }, "a position lies outside 0..<\(positions)")
        let columns = columns
        predictions.withUnsafeBufferPointer { predictions in
            targets.withUnsafeBufferPointer { targets in
                means.withUnsafeMutableBufferPointer { means in
                    for (row, id) in ids.enumerated() {
                        let position = Int(id)
                        counts[position] += 1
                        let weight = 1 / Double(counts[position])
                        var (error, spread) = (0.0, 0.0)
                        for j in 0..<columns {
                            let target = Double(targets[row * columns + j])
                            let missed = target - Double(predictions[row * columns + j])
                            error += missed * missed
                            let before = target - means[position * columns + j]
                            means[position * columns + j] += weight * before
                            spread += before * (target - means[position * columns + j])
                        }
                        residual += error
                        spreads[position] += spread
                    }
                }
            }
        }
        count += ids.count
    }

    /// Takes in what another accumulator has seen; the order of merging decides the rounding.
    package mutating func merge(_ other: PredictorSkill) {
        precondition(
            other.columns == columns && other.positions == positions,
            "targets [\(other.positions), \(other.columns)] do not fit [\(positions), \(columns)]")
        for position in 0..<positions where other.counts[position] > 0 {
            let (own, added) = (Double(counts[position]), Double(other.counts[position]))
            var distance = 0.0
            for j in position * columns..<(position + 1) * columns {
                let difference = other.means[j] - means[j]
                distance += difference * difference
                means[j] += difference * added / (own + added)
            }
            spreads[position] += other.spreads[position] + distance * own * added / (own + added)
            counts[position] += other.counts[position]
        }
        residual += other.residual
        count += other.count
    }

    /// R² against the mean target over everything; 1 is perfect, 0 no better than a constant, NaN if targets never vary.
    package var r2: Double {
        var mean = [Double](repeating: 0, count: columns)
        for position in 0..<positions {
            let share = Double(counts[position]) / Double(max(count, 1))
            for j in 0..<columns { mean[j] += share * means[position * columns + j] }
        }
        var total = spreads.reduce(0, +)
        for position in 0..<positions where counts[position] > 0 {
            var distance = 0.0
            for j in 0..<columns {
                let difference = means[position * columns + j] - mean[j]
                distance += difference * difference
            }
            total += Double(counts[position]) * distance
        }
        return total > 0 ? 1 - residual / total : .nan
    }

    /// R² against the mean target of each position; NaN if the targets of a position never vary.
    package var r2Position: Double {
        let total = spreads.reduce(0, +)
        return total > 0 ? 1 - residual / total : .nan
    }

    /// Under the names that results use.
    package var metrics: [(name: String, value: Double)] {
        [(name: "predictor_r2", value: r2), (name: "predictor_r2_position", value: r2Position)]
    }
}
