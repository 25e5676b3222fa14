import Evaluation
import Diagnostics
import RunStore

/// What runs reach whose features show no collapse: what other arms of the same seed are judged by.
struct HealthyArms {
    /// One healthy run.
    private struct Peer {
        let arm: String
        let rankMe: Double
        let accuracies: [FeatureAccuracy]
    }

    /// Runs that differ in the network or in how it is probed are not compared.
    private struct Group: Hashable {
        let network: String
        let seed: Int
    }

    private var peers: [Group: [Peer]] = [:]

    /// - Parameter runs: Of all arms, finished.
    init(_ runs: [RunOutcome], encoder: String) {
        for run in runs {
            guard let alone = CollapseMark.Evidence(run, encoder: encoder, healthy: nil), !alone.isMarkedAlone,
                let rankMe = alone.rankme
            else { continue }
            let peer = Peer(
                arm: run.arm, rankMe: rankMe, accuracies: run.accuracies(encoder: encoder, .last))
            peers[Group(network: run.network, seed: run.seed), default: []].append(peer)
        }
    }

    /// Why a run is behind: RankMe below half of the median of the healthy arms, and an accuracy below their median by more
    /// than test images explain; empty where it is not.
    func evidence(against run: RunOutcome, encoder: String) -> [String] {
        let thresholds = VerdictThresholds()
        let others = (peers[Group(network: run.network, seed: run.seed)] ?? []).filter { $0.arm != run.arm }
        guard let usual = Self.median(others.map(\.rankMe)), let rankMe = run.last("rankme", encoder: encoder),
            rankMe < thresholds.rankFall * usual, let images = run.testImages(encoder: encoder)
        else { return [] }
        let lower = run.accuracies(encoder: encoder, .last).compactMap { own -> String? in
            let values = others.compactMap { $0.accuracies.first { $0.name == own.name }?.value }
            guard let middle = Self.median(values) else { return nil }
            let variance = own.value * (1 - own.value) + middle * (1 - middle)
            let standardError = (max(0, variance) / images).squareRoot()
            guard middle - own.value > thresholds.accuracyErrors * standardError else { return nil }
            return "\(own.name) \(Self.short(100 * own.value)) % against \(Self.short(100 * middle)) %"
        }
        guard !lower.isEmpty else { return [] }
        return ["RankMe \(Self.short(rankMe)) against \(Self.short(usual)) of healthy arms"] + lower
    }

    private static func short(_ value: Double) -> String { NumberFormat.significant(value, digits: 3) }

    private static func median(_ values: [Double]) -> Double? {
        let sorted = values.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

extension RunOutcome {
    /// The last number of a column of an encoder's evaluations.
    fileprivate func last(_ column: String, encoder: String) -> Double? { value(column, encoder: encoder, .last) }

    private func value(_ column: String, encoder: String, _ reduction: MetricSelector.Reduction) -> Double? {
        value(of: MetricSelector(name: column, table: "evaluation/\(encoder)", column: column, reduction: reduction))
    }

    /// The accuracies that stand for the evaluation tasks; those that are not numbers are left out.
    func accuracies(encoder: String, _ reduction: MetricSelector.Reduction) -> [FeatureAccuracy] {
        let columns = (tables["evaluation/\(encoder)"] ?? [:]).keys
        return MetricConvention.representatives(among: columns).filter(\.isAccuracy).compactMap { metric in
            value(metric.name, encoder: encoder, reduction).flatMap {
                (0...1).contains($0) ? FeatureAccuracy(metric.name, $0) : nil
            }
        }
    }

    /// Test images behind an accuracy, where the diagnostics say so.
    func testImages(encoder: String) -> Double? {
        tables["diagnostics/\(encoder)/images"]?["rows"]?.last.flatMap { (1...1e9).contains($0) ? $0 : nil }
    }

    /// The last evaluation against that at initialisation.
    func fallFromInitialisation(encoder: String) -> InitialisationFall? {
        func ranks(_ column: String) -> (Double, Double) {
            (value(column, encoder: encoder, .initial) ?? .nan, value(column, encoder: encoder, .last) ?? .nan)
        }
        guard let images = testImages(encoder: encoder) else { return nil }
        return InitialisationFall(
            rankMe: ranks("rankme"), effectiveRank: ranks("effective_rank"),
            before: accuracies(encoder: encoder, .initial), after: accuracies(encoder: encoder, .last),
            images: Int(images))
    }
}
