/// One evaluated metric of every arm along training: at equal steps, and at equal compute.
package struct LearningCurves: Hashable, Encodable, Sendable {
    /// What is equal between the arms of a column of points.
    package enum Axis: String, Hashable, Encodable, Sendable, CaseIterable {
        case steps
        /// Of training alone, as `plan` counts them.
        case flops
        /// Wall time of the steps, waiting for images included, evaluations not.
        case seconds
    }

    package struct Curve: Hashable, Encodable, Sendable {
        package let arm: String
        /// Over the seeds that have a number there, one for each position.
        package let points: [SampleStatistics?]
    }

    package struct Series: Hashable, Encodable, Sendable {
        package let axis: Axis
        /// Steps, FLOPs or seconds.
        package let positions: [Double]
        package let curves: [Curve]
    }

    package let column: String
    package let series: [Series]

    /// Budgets at which arms are compared, as shares of what the arm with the least training spent.
    static let budgetShares = [0.1, 0.25, 0.5, 0.75, 1.0]

    /// Of the columns that are looked at in evaluations.
    static func all(of runs: [RunOutcome], arms: [String], metrics: [MetricSelector]) -> [LearningCurves] {
        metrics.filter { $0.table.hasPrefix("evaluation/") && $0.reduction == .last }.compactMap { metric in
            let series = Axis.allCases.compactMap { Series(runs, arms: arms, metric: metric, axis: $0) }
            return series.isEmpty ? nil : LearningCurves(column: metric.name, series: series)
        }
    }
}

extension LearningCurves.Series {
    /// - Returns: None where no run holds the metric, or what the axis needs.
    fileprivate init?(_ runs: [RunOutcome], arms: [String], metric: MetricSelector, axis: LearningCurves.Axis) {
        let tracks = runs.compactMap { run in
            run.track(of: metric, axis).map { (arm: run.arm, points: $0.points, spent: $0.spent) }
        }
        guard !tracks.isEmpty, let least = tracks.map(\.spent).min(), least > 0 else { return nil }
        if axis == .steps {
            // Steps at which every run was evaluated.
            let shared = tracks.dropFirst().reduce(Set(tracks[0].points.map(\.position))) {
                $0.intersection($1.points.map(\.position))
            }
            positions = shared.sorted()
        } else {
            positions = LearningCurves.budgetShares.map { $0 * least }
        }
        guard !positions.isEmpty else { return nil }
        let positions = positions
        curves = arms.compactMap { arm in
            let own = tracks.filter { $0.arm == arm }
            guard !own.isEmpty else { return nil }
            let points = positions.map { position in
                // The latest evaluation that the budget reaches: nothing is interpolated. A sum of times ends in
                // rounding, hence the margin.
                SampleStatistics(own.compactMap { $0.points.last { $0.position <= position * (1 + 1e-9) }?.value })
            }
            return LearningCurves.Curve(arm: arm, points: points)
        }
        self.axis = axis
    }
}

extension RunOutcome {
    /// Evaluations of a metric that are numbers, by what training had spent, and what it spent in all.
    fileprivate func track(
        of metric: MetricSelector, _ axis: LearningCurves.Axis
    ) -> (points: [(position: Double, value: Double)], spent: Double)? {
        guard let table = tables[metric.table], let values = table[metric.column], let steps = table["step"],
            let position = position(along: axis), let last = steps.last
        else { return nil }
        let points = zip(steps, values).filter { $1.isMeasurable }.map { (position: position($0), value: $1) }
        return points.isEmpty ? nil : (points, position(last))
    }

    /// What so many steps cost; none where the run does not say.
    private func position(along axis: LearningCurves.Axis) -> ((Double) -> Double)? {
        switch axis {
        case .steps: return { $0 }
        case .flops: return flopsPerStep.map { cost in { $0 * cost } }
        case .seconds:
            guard let steps = tables["steps"]?["step"], let seconds = tables["steps"]?["step_seconds"],
                seconds.allSatisfy(\.isMeasurable)
            else { return nil }
            var (sum, sums) = (0.0, [0.0: 0.0])
            for (step, second) in zip(steps, seconds) {
                sum += second
                sums[step] = sum
            }
            return { sums[$0] ?? .infinity }
        }
    }
}

/// The last evaluation of an accuracy against its best one.
///
/// The best is chosen on the very images that score it, and among as many chances as there were evaluations: it is too
/// good by construction, and belongs beside the last, never in its place.
package struct BestSteps: Hashable, Encodable, Sendable {
    package struct Arm: Hashable, Encodable, Sendable {
        package let arm: String
        package let last: SampleStatistics
        package let best: SampleStatistics
        /// Of best − last, run by run; never negative.
        package let advantage: SampleStatistics
        /// Step of the best evaluation of each run, in the order of its seeds.
        package let steps: [Int]
        /// Evaluations after step 0 to choose among, the most that a run has.
        package let evaluations: Int
    }

    package let column: String
    package let arms: [Arm]

    static func all(of runs: [RunOutcome], arms: [String], metrics: [MetricSelector]) -> [BestSteps] {
        metrics.filter { $0.isAccuracy && $0.table.hasPrefix("evaluation/") && $0.reduction == .last }.map { metric in
            BestSteps(
                column: metric.name,
                arms: arms.compactMap { arm in
                    Arm(arm, runs.filter { $0.arm == arm }.sorted { $0.seed < $1.seed }, metric)
                })
        }
    }
}

extension BestSteps.Arm {
    fileprivate init?(_ arm: String, _ runs: [RunOutcome], _ metric: MetricSelector) {
        let found = runs.compactMap { run -> (last: Double, best: Double, step: Int, count: Int)? in
            guard let table = run.tables[metric.table], let values = table[metric.column], let steps = table["step"]
            else { return nil }
            let points = zip(steps, values).filter { $0 > 0 && $1.isMeasurable }
            guard let last = points.last, let best = points.max(by: { $0.1 < $1.1 }) else { return nil }
            return (last.1, best.1, Int(best.0), points.count)
        }
        guard let last = SampleStatistics(found.map(\.last)), let best = SampleStatistics(found.map(\.best)),
            let advantage = SampleStatistics(found.map { $0.best - $0.last })
        else { return nil }
        self.arm = arm
        self.last = last
        self.best = best
        self.advantage = advantage
        steps = found.map(\.step)
        evaluations = found.map(\.count).max() ?? 0
    }
}
