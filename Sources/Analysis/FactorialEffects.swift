import ExperimentSpec
package import Statistics

/// What each axis of a factorial matrix does to one metric: marginal means, main effects, interactions of two axes.
///
/// All comparisons are within seeds, over cells that exist on both sides, so that a cell that is missing biases nothing.
package struct FactorialEffects: Hashable, Encodable, Sendable {
    /// One level of one axis.
    package struct Level: Hashable, Encodable, Sendable {
        package let factor: String
        package let level: String
        /// The level that others are compared with: that of the baseline arm, or the first.
        package let isReference: Bool
        /// Combinations of the other axes over which it is averaged: those at which every level of the axis has an arm.
        package let cells: Int
        /// Over seeds, of the mean over those cells; none where no seed has all of them.
        package let marginal: SampleStatistics?
        /// Minus the reference level, over the cells and seeds that both have; none for the reference.
        package let effect: PairedComparison?
        /// Cells behind `effect`.
        package let effectCells: Int
    }

    /// (a, b) − (a₀, b) − (a, b₀) + (a₀, b₀): what the two levels do together beyond what they do alone.
    package struct Interaction: Hashable, Encodable, Sendable {
        package let factors: [String]
        package let levels: [String]
        package let referenceLevels: [String]
        package let cells: Int
        package let contrast: PairedComparison

        /// "objective=c × target=shared".
        package var name: String {
            // Levels that are values of a key have its name already.
            zip(factors, levels).map { $1.hasPrefix("\($0)=") ? $1 : "\($0)=\($1)" }.joined(separator: " × ")
        }
    }

    package let column: String
    package let levels: [Level]
    package let interactions: [Interaction]

    /// For every column; nothing where the matrix has fewer than two axes of two levels or more.
    static func all(
        of runs: [RunOutcome], factors: [Factor], baseline: String, metrics: [MetricSelector]
    ) -> [FactorialEffects] {
        let factors = factors.filter { $0.levels.count > 1 }
        guard factors.count > 1 else { return [] }
        return metrics.map { FactorialEffects(runs, factors: factors, baseline: baseline, metric: $0) }
    }

    private init(_ runs: [RunOutcome], factors: [Factor], baseline: String, metric: MetricSelector) {
        column = metric.name
        let design = Design(runs, factors: factors, metric: metric)
        let references = factors.map { $0.level(of: baseline) ?? $0.levels[0] }
        levels = factors.indices.flatMap { factor -> [Level] in
            let shared = design.cells(besides: [factor]).filter { cell in
                factors[factor].levels.allSatisfy { design.hasArm(cell, [factor: $0]) }
            }
            return factors[factor].levels.map { level in
                let reference = references[factor]
                let cells = design.cells(besides: [factor]).filter {
                    design.hasArm($0, [factor: level]) && design.hasArm($0, [factor: reference])
                }
                let effect =
                    level == reference
                    ? nil
                    : PairedComparison(design.contrasts(cells, [([factor: level], 1), ([factor: reference], -1)]))
                return Level(
                    factor: factors[factor].name, level: level, isReference: level == reference, cells: shared.count,
                    marginal: SampleStatistics(design.contrasts(shared, [([factor: level], 1)])), effect: effect,
                    effectCells: level == reference ? 0 : cells.count)
            }
        }
        var interactions: [Interaction] = []
        for first in factors.indices {
            for second in factors.indices where second > first {
                for a in factors[first].levels where a != references[first] {
                    for b in factors[second].levels where b != references[second] {
                        let corners: [(levels: [Int: String], sign: Double)] = [
                            ([first: a, second: b], 1), ([first: references[first], second: b], -1),
                            ([first: a, second: references[second]], -1),
                            ([first: references[first], second: references[second]], 1),
                        ]
                        let cells = design.cells(besides: [first, second]).filter { cell in
                            corners.allSatisfy { design.hasArm(cell, $0.levels) }
                        }
                        guard let contrast = PairedComparison(design.contrasts(cells, corners)) else { continue }
                        interactions.append(
                            Interaction(
                                factors: [factors[first].name, factors[second].name], levels: [a, b],
                                referenceLevels: [references[first], references[second]], cells: cells.count,
                                contrast: contrast))
                    }
                }
            }
        }
        self.interactions = interactions
    }
}

/// Values of one metric by the levels of their arms.
private struct Design {
    /// Factor → level, for the factors that apply.
    typealias Cell = [Int: String]

    private var armCells: Set<Cell> = []
    private var values: [Cell: [Int: Double]] = [:]
    private var seeds: [Int] = []

    init(_ runs: [RunOutcome], factors: [Factor], metric: MetricSelector) {
        for arm in Set(factors.flatMap { $0.levelOfArm.map(\.arm) }) {
            let cell = Self.cell(of: arm, factors)
            armCells.insert(cell)
            for run in runs where run.arm == arm {
                if let value = run.finiteValue(of: metric) { values[cell, default: [:]][run.seed] = value.value }
            }
        }
        seeds = Set(runs.map(\.seed)).sorted()
        // An arm without any number is no cell: it would take every seed away from the others.
        armCells = armCells.filter { values[$0] != nil }
    }

    private static func cell(of arm: String, _ factors: [Factor]) -> Cell {
        var cell: Cell = [:]
        for (index, factor) in factors.enumerated() { cell[index] = factor.level(of: arm) }
        return cell
    }

    /// The combinations of all other factors.
    func cells(besides left: Set<Int>) -> [Cell] {
        Set(armCells.map { $0.filter { !left.contains($0.key) } }).sorted { first, second in
            first.sorted { $0.key < $1.key }.map(\.value).lexicographicallyPrecedes(
                second.sorted { $0.key < $1.key }.map(\.value))
        }
    }

    func hasArm(_ cell: Cell, _ levels: Cell) -> Bool { armCells.contains(cell.merging(levels) { $1 }) }

    /// For every seed that has all of it: the mean over `cells` of the signed sum of `corners`.
    func contrasts(_ cells: [Cell], _ corners: [(levels: Cell, sign: Double)]) -> [Double] {
        guard !cells.isEmpty else { return [] }
        return seeds.compactMap { seed in
            var sum = 0.0
            for cell in cells {
                for (levels, sign) in corners {
                    guard let value = values[cell.merging(levels) { $1 }]?[seed] else { return nil }
                    sum += sign * value
                }
            }
            return sum / Double(cells.count)
        }
    }
}
