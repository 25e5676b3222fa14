import Evaluation
package import ExperimentSpec
import Foundation
import RunStore
import Statistics

/// What the seeds of a matrix can decide about a claim, before or after they have run.
///
/// All by the paired t test at 5 %, which a claim's 95 % interval is, and a power of 80 %.
package struct ClaimPower: Hashable, Sendable {
    /// The claim in words; of the differences from the baseline in general: those words.
    package let claim: String
    /// Seeds that all arms of the claim are to have.
    package let seeds: Int
    /// Over seeds, in points for accuracies, else as stored; none where nothing is known of it.
    package let standardDeviation: Double?
    /// Where that is from: "5 earlier pairs", "expect.sd".
    package let source: String?
    /// The smallest distance from the bound, or difference from the baseline, that these seeds find; in standard deviations
    /// where those are not known.
    package let smallest: Double?
    /// The chance that the claim is called contradicted where there is in truth no difference; as large as that of
    /// supported where there is twice the bound.
    package let chance: Double?
    /// Seeds that make that chance 80 %; none where it is more than `EffectSize.mostPairs`.
    package let seedsNeeded: Int?

    /// - Parameters:
    ///   - distance: Between bound and no difference, in the unit of the deviation; none: it is about any difference.
    init(
        claim: String, seeds: Int, deviation: (value: Double, source: String)?, distance: Double?
    ) {
        self.claim = claim
        self.seeds = seeds
        standardDeviation = deviation?.value
        source = deviation?.source
        let unit = seeds >= PairedTest.fewestPairs ? EffectSize.smallestDetectable(pairs: seeds) : nil
        smallest = unit.map { $0 * (deviation?.value ?? 1) }
        guard let deviation, deviation.value > 0, let distance, distance > 0 else {
            (chance, seedsNeeded) = (nil, nil)
            return
        }
        let effect = distance / deviation.value
        chance = seeds >= PairedTest.fewestPairs ? EffectSize.power(ofEffect: effect, pairs: seeds) : 0
        seedsNeeded = EffectSize.pairsNeeded(toFind: effect)
    }

    /// Of each claim about a metric, and of differences from the baseline in general.
    ///
    /// - Parameters:
    ///   - folder: Of the experiment's results, which need not be there: the spread comes from the runs that it holds, of
    ///     whatever configuration, else from `expect.sd`.
    package static func all(of experiment: Experiment, folder: String) -> [ClaimPower] {
        let earlier = EarlierRuns(folder: folder)
        func seeds(_ arms: [String]) -> Int {
            let each = arms.map { arm in Set(experiment.runs.filter { $0.arm == arm }.map(\.seed)) }
            return each.dropFirst().reduce(each.first ?? []) { $0.intersection($1) }.count
        }
        var powers = experiment.expectations.compactMap { claim -> ClaimPower? in
            guard claim.metric != nil, let bound = claim.atLeast ?? claim.atMost else { return nil }
            let scale = claim.unit == .fraction ? 100.0 : 1
            let deviation =
                earlier.deviation(of: claim) ?? claim.sd.map { (value: $0 * scale, source: "expect.sd") }
                ?? earlier.pooledDeviation(of: claim)
            return ClaimPower(
                claim: claim.text(naming: claim.encoder), seeds: seeds([claim.arm] + (claim.minus.map { [$0] } ?? [])),
                deviation: deviation, distance: claim.minus == nil ? nil : abs(bound) * scale)
        }
        let others = experiment.arms.filter { $0 != experiment.baseline }
        if !others.isEmpty, experiment.arms.contains(experiment.baseline) {
            let metric = earlier.headline ?? headline(of: experiment)
            let general = Claim(arm: "", minus: experiment.baseline, metric: metric, unit: .points)
            powers.append(
                ClaimPower(
                    claim: "any difference from \(experiment.baseline) in \(metric)",
                    seeds: others.map { seeds([$0, experiment.baseline]) }.min() ?? 0,
                    deviation: earlier.pooledDeviation(of: general), distance: nil))
        }
        return powers
    }

    /// The metric that stands for linear accuracy in all runs.
    private static func headline(of experiment: Experiment) -> String {
        let columns = experiment.runs.map { run in
            Set(run.configuration.evaluationTasks.flatMap { $0.task.metrics(trainingImages: nil) }.map(\.name))
        }
        return MetricConvention.headline(among: columns) ?? "linear"
    }
}

/// Finished runs of an experiment's folder, to take spreads from.
private struct EarlierRuns {
    private let runs: [RunOutcome]
    private let columns: [String: Set<String>]

    init(folder: String) {
        guard FileManager.default.fileExists(atPath: ExperimentRecord.path(inExperiment: folder)),
            let record = try? ExperimentRecord.load(fromExperiment: folder)
        else {
            (runs, columns) = ([], [:])
            return
        }
        // What is wrong with a file is said by the commands that show results.
        runs = ComparisonTable.outcomes(of: record, in: folder) { _ in }.filter(\.isFinished)
        columns = ComparisonTable.columns(of: runs)
    }

    /// The metric that stands for linear accuracy in all runs; none without runs.
    var headline: String? {
        MetricConvention.headline(among: runs.map { Set(($0.tables["evaluation/target"] ?? [:]).keys) })
    }

    private func selector(of claim: Claim) -> MetricSelector? {
        let catalog = MetricCatalog(columns: columns, encoder: claim.encoder?.rawValue ?? "target")
        return claim.metric.flatMap { try? catalog.resolve($0, in: "") }
    }

    private func values(_ arm: String, _ metric: MetricSelector) -> [SeedValue] {
        let factor = metric.isAccuracy ? 100.0 : 1
        return runs.filter { $0.arm == arm }.compactMap { run in
            run.finiteValue(of: metric).map { SeedValue(seed: $0.seed, value: factor * $0.value) }
        }
    }

    /// Of the claim's own arms.
    func deviation(of claim: Claim) -> (value: Double, source: String)? {
        guard let metric = selector(of: claim) else { return nil }
        let own = values(claim.arm, metric)
        let numbers = claim.minus.map { SeedValue.differences(own, from: values($0, metric)) } ?? own.map(\.value)
        guard numbers.count >= PairedTest.fewestPairs, let deviation = Moments(numbers)?.standardDeviation,
            deviation > 0
        else { return nil }
        return (deviation, "\(numbers.count) earlier \(claim.minus == nil ? "seeds" : "pairs")")
    }

    /// Of the differences of all arms from the one that is subtracted: the root of the mean variance, by degrees of freedom.
    func pooledDeviation(of claim: Claim) -> (value: Double, source: String)? {
        guard let minus = claim.minus, let metric = selector(of: claim) else { return nil }
        let reference = values(minus, metric)
        var (squares, freedom, arms) = (0.0, 0.0, 0)
        for arm in Set(runs.map(\.arm)).subtracting([minus]).sorted() {
            let differences = SeedValue.differences(values(arm, metric), from: reference)
            guard differences.count >= 2, let deviation = Moments(differences)?.standardDeviation else { continue }
            squares += Double(differences.count - 1) * deviation * deviation
            freedom += Double(differences.count - 1)
            arms += 1
        }
        guard freedom > 0, squares > 0 else { return nil }
        return ((squares / freedom).squareRoot(), "\(arms) earlier \(arms == 1 ? "arm" : "arms"), pooled")
    }
}
