import RunStore
import Statistics

/// How much a mean accuracy, or a difference of two, would change with other test images; seeds stay as they are.
package struct ImageUncertainty: Hashable, Encodable, Sendable {
    /// Test images.
    package let images: Int
    /// Runs of the arm, or pairs of runs, over which each image's correctness is averaged.
    package let runs: Int
    /// Standard deviation over resamplings of the images.
    package let standardError: Double
    /// 95 %, percentiles.
    package let low: Double
    package let high: Double
}

/// The uncertainty over test images of every arm and of every difference from the baseline, [column][arm].
///
/// Where runs stored what their probes say of each image. All columns and arms that were scored on the same images are
/// resampled together.
struct ImageUncertainties {
    private(set) var ofArms: [[ImageUncertainty?]]
    private(set) var ofDifferences: [[ImageUncertainty?]]
    /// Arms that hold predictions, but of other test images than the baseline's.
    private(set) var armsOnOtherImages: [String] = []

    /// Test images that are resampled: with more, the error that their choice leaves is below 0.0005.
    private static let mostImages = 1_000_000

    /// One number for each image, to be resampled.
    private struct Series {
        let column: Int
        let arm: Int
        let isDifference: Bool
        let runs: Int
        let values: [Double]
    }

    init(_ runsOfArm: [String: [RunOutcome]], arms: [String], baseline: String, metrics: [MetricSelector]) {
        let nothing = [[ImageUncertainty?]](
            repeating: Array(repeating: nil, count: arms.count), count: metrics.count)
        (ofArms, ofDifferences) = (nothing, nothing)
        var series: [[Int32]: [Series]] = [:]
        var others: Set<String> = []
        for (column, metric) in metrics.enumerated() where metric.isAccuracy && metric.reduction == .last {
            let reference = Scored(runsOfArm[baseline] ?? [], metric)
            for (index, arm) in arms.enumerated() {
                guard let scored = Scored(runsOfArm[arm] ?? [], metric) else { continue }
                series[scored.images, default: []].append(
                    Series(
                        column: column, arm: index, isDifference: false, runs: scored.bySeed.count,
                        values: Self.mean(Array(scored.bySeed.values))))
                guard arm != baseline, let reference else { continue }
                guard reference.images == scored.images else {
                    others.insert(arm)
                    continue
                }
                let seeds = scored.bySeed.keys.filter { reference.bySeed[$0] != nil }
                guard !seeds.isEmpty else { continue }
                let own = Self.mean(seeds.map { scored.bySeed[$0]! })
                let base = Self.mean(seeds.map { reference.bySeed[$0]! })
                series[scored.images]!.append(
                    Series(
                        column: column, arm: index, isDifference: true, runs: seeds.count,
                        values: zip(own, base).map { $0 - $1 }))
            }
        }
        for (images, group) in series where (2...Self.mostImages).contains(images.count) {
            for (item, spread) in zip(group, ImageBootstrap().spreads(of: group.map(\.values))) {
                let uncertainty = ImageUncertainty(
                    images: images.count, runs: item.runs, standardError: spread.standardError,
                    low: spread.interval.low, high: spread.interval.high)
                if item.isDifference {
                    ofDifferences[item.column][item.arm] = uncertainty
                } else {
                    ofArms[item.column][item.arm] = uncertainty
                }
            }
        }
        armsOnOtherImages = arms.filter(others.contains)
    }

    /// Correctness on every image for each seed of an arm.
    private struct Scored {
        /// Places of the images in the test split.
        let images: [Int32]
        let bySeed: [Int: [Double]]

        /// - Returns: None where no run holds predictions of the metric, or runs were scored on different images.
        init?(_ runs: [RunOutcome], _ metric: MetricSelector) {
            var images: [Int32]?
            var bySeed: [Int: [Double]] = [:]
            for run in runs where run.isFinished {
                guard let stored = run.predictions[metric.table], let right = stored.correctness(metric.column),
                    run.finiteValue(of: metric) != nil
                else { continue }
                guard images == nil || images == stored.indices else { return nil }
                images = stored.indices
                bySeed[run.seed] = right
            }
            guard let images else { return nil }
            self.images = images
            self.bySeed = bySeed
        }
    }

    private static func mean(_ series: [[Double]]) -> [Double] {
        series[0].indices.map { image in series.reduce(0) { $0 + $1[image] } / Double(series.count) }
    }
}
