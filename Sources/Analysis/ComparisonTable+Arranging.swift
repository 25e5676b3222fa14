import ExperimentSpec

/// By what the arms of a table are sorted.
package struct TableOrder: Hashable, Sendable {
    package enum Key: String, CaseIterable, Sendable {
        /// The name.
        case arm
        /// The mean of the headline metric.
        case metric
        /// The mean difference from the baseline, whose own is 0.
        case difference
        /// From the highest mean down.
        case rank
    }

    package let key: Key
    package let isDescending: Bool

    /// - Parameter text: A key, with a minus in front for descending; else none.
    package init?(_ text: String) {
        isDescending = text.hasPrefix("-")
        guard let key = Key(rawValue: isDescending ? String(text.dropFirst()) : text) else { return nil }
        self.key = key
    }

    /// The key that was probably meant, written as it was asked for.
    package static func nearest(to text: String) -> String? {
        let isDescending = text.hasPrefix("-")
        return nearestName(to: isDescending ? String(text.dropFirst()) : text, among: Key.allCases.map(\.rawValue))
            .map { (isDescending ? "-" : "") + $0 }
    }
}

extension ComparisonTable {
    /// The table with those arms that match, and the baseline. Its numbers stay those of all arms: adjustments, ranks and
    /// what is best are not asked anew of those that are left.
    ///
    /// - Throws: `AnalysisError` for a pattern that no arm matches, with the nearest name.
    package func keeping(_ patterns: [String]) throws -> ComparisonTable {
        let names = arms.map(\.label)
        for pattern in patterns where !names.contains(where: GlobPattern(pattern).matches) {
            throw AnalysisError(
                .unknownName, path: experiment, message: "no arm matches “\(pattern)”",
                remedy: Self.remedy(pattern, names))
        }
        let globs = patterns.map(GlobPattern.init)
        return arranged(
            arms.indices.filter { index in
                arms[index].isBaseline || globs.contains { $0.matches(names[index]) }
            })
    }

    /// The table with its arms in another order; those without a number for it come last.
    package func sorted(by order: TableOrder, metric: String?) -> ComparisonTable {
        let answer = Answer(self, metric: metric)
        let names = answer.arms.map(\.name)
        let values: [Double?] = answer.arms.map { arm in
            switch order.key {
            case .arm: 0
            case .metric: arm.statistics?.mean
            case .difference: arm.difference?.mean ?? (arm.isBaseline ? 0 : nil)
            case .rank: arm.rank.map(Double.init)
            }
        }
        let sorted = names.indices.sorted { first, second in
            guard let one = values[first], let other = values[second] else {
                return values[first] != nil || (values[second] == nil && first < second)
            }
            if order.key == .arm, names[first] != names[second] {
                return (names[first] < names[second]) != order.isDescending
            }
            return one == other ? first < second : (one < other) != order.isDescending
        }
        return arranged(sorted)
    }

    /// What to do about an arm that is not there.
    static func remedy(_ name: String, _ arms: [String]) -> String {
        nearestName(to: name, among: arms).map { "Did you mean “\($0)”?" } ?? "Arms: \(Answer.list(arms, most: 20))"
    }

    /// These arms in this order, then the floors; notes are numbered anew, and those of other arms are gone.
    private func arranged(_ order: [Int]) -> ComparisonTable {
        let owned = Set(arms.flatMap(\.notes))
        var notes: [String] = []
        let rows = order.map { index -> Row in
            let row = arms[index]
            let places = Dictionary(
                row.notes.enumerated().map { ($1, notes.count + $0 + 1) }, uniquingKeysWith: { first, _ in first })
            notes += row.notes.map { self.notes[$0 - 1] }
            return Row(
                kind: row.kind, label: row.label, isBaseline: row.isBaseline, planned: row.planned, done: row.done,
                collapse: row.collapse, verdict: row.verdict, notes: row.notes.compactMap { places[$0] },
                cells: row.cells, startsArms: row.startsArms, evidenceNotes: row.evidenceNotes.compactMap { places[$0] }
            )
        }
        notes += self.notes.indices.filter { !owned.contains($0 + 1) }.map { self.notes[$0] }
        let names = order.map { arms[$0].label }
        return ComparisonTable(
            experiment: experiment, question: question, baseline: baseline, encoder: encoder, columns: columns,
            rows: rows + floors, notes: notes, effects: effects,
            curves: curves.map { curves in
                LearningCurves(
                    column: curves.column,
                    series: curves.series.map { series in
                        LearningCurves.Series(
                            axis: series.axis, positions: series.positions,
                            curves: names.compactMap { name in series.curves.first { $0.arm == name } })
                    })
            },
            bestSteps: bestSteps.map { best in
                BestSteps(
                    column: best.column, arms: names.compactMap { name in best.arms.first { $0.arm == name } })
            },
            verdicts: verdicts, published: published)
    }
}
