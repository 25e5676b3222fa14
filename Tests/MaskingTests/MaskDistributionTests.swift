import Masking
import Testing

@Suite("Distribution of masks")
struct MaskDistributionTests {
    /// Sizes of the target block over 20,000 steps, one image each.
    private func targetSizes(_ settings: MaskSettings) throws -> [BlockSize: Int] {
        let sampler = try makeSampler(settings)
        var counts: [BlockSize: Int] = [:]
        for step in 0..<20_000 {
            counts[try #require(sampler.sample(seed: 5, step: step, imageCount: 1).targetSize), default: 0] += 1
        }
        return counts
    }

    /// Σ (observed − expected)² / expected.
    private func chiSquare(_ observed: [Int], _ expected: [Double]) -> Double {
        zip(observed, expected).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) / $1.1 }
    }

    /// The share of each size by numerical integration over the draws, written as METHOD.md has it.
    private func expectedSizes(tied: Bool, grid: Int, limit: Int) -> [BlockSize: Double] {
        let points = 700
        var shares: [BlockSize: Double] = [:]
        for i in 0..<points {
            for j in 0..<(tied ? 1 : points) {
                let u = (Double(i) + 0.5) / Double(points)
                let v = tied ? u : (Double(j) + 0.5) / Double(points)
                let k = (Double(grid * grid) * (0.15 + 0.05 * u)).rounded(.down)
                let aspect = 0.75 + 0.75 * v
                let height = Int((k * aspect).squareRoot().rounded(.toNearestOrEven))
                let width = Int((k / aspect).squareRoot().rounded(.toNearestOrEven))
                let size = BlockSize(height: min(height, limit), width: min(width, limit))
                shares[size, default: 0] += 1 / Double(tied ? points : points * points)
            }
        }
        return shares
    }

    @Test(
        "Target sizes have the frequencies that the ranges imply",
        arguments: [(MaskSettings.Sampler.ijepa, 14), (.uniform, 14), (.ijepa, 7), (.uniform, 7)])
    func sizes(sampler: MaskSettings.Sampler, grid: Int) throws {
        let settings = MaskSettings(sampler: sampler, gridHeight: grid, gridWidth: grid, minKeep: 4)
        let expected = expectedSizes(
            tied: sampler == .ijepa, grid: grid, limit: sampler == .ijepa ? grid - 1 : grid)
        let observed = try targetSizes(settings)
        #expect(Set(observed.keys).isSubset(of: settings.targetSizes))
        #expect(Set(expected.keys).isSubset(of: settings.targetSizes))
        // Four standard errors, and a little for the integration.
        for size in settings.targetSizes {
            let share = expected[size] ?? 0
            let tolerance = 4 * (share * (1 - share) / 20_000).squareRoot() + 0.003
            #expect(abs(Double(observed[size] ?? 0) / 20_000 - share) <= tolerance, "\(size)")
        }
    }

    @Test("The public sampler ties flat blocks to small ones; the uniform sampler does not")
    func tie() throws {
        for sampler in MaskSettings.Sampler.allCases {
            let masks = try makeSampler(MaskSettings(sampler: sampler, gridHeight: 32, gridWidth: 32))
            let sizes = (0..<4000).compactMap { masks.sample(seed: 1, step: $0, imageCount: 1).targetSize }
            let small = sizes.filter { $0.count < 180 }
            let tall = small.count { $0.height > $0.width }
            #expect(small.count > 1000)
            if sampler == .ijepa {
                // Half of the range of u: the aspect ratio lies below 0.75 + 0.75 · 0.52.
                #expect(small.allSatisfy { Double($0.height) / Double($0.width) < 1.25 })
            } else {
                // Aspect ratios above 1 are two thirds of the range; 0.03 is four standard errors and the rounding.
                #expect(small.contains { Double($0.height) / Double($0.width) > 1.35 })
                #expect(Double(tall) / Double(small.count) > 0.55)
            }
        }
    }

    @Test("Target places are uniform over the places that the sampler allows", arguments: MaskSettings.Sampler.allCases)
    func places(_ kind: MaskSettings.Sampler) throws {
        // One size only, so that all places share one distribution.
        let settings = MaskSettings(
            sampler: kind, gridHeight: 8, gridWidth: 9, targetBlocks: 2, targetScale: [0.125, 0.125],
            targetAspect: [1, 1], contextScale: [0.8, 0.8], minKeep: 3)
        #expect(settings.targetSizes == [BlockSize(height: 3, width: 3)])
        let sampler = try makeSampler(settings)
        let (rows, columns) = kind == .ijepa ? (5, 6) : (6, 7)
        var counts = [Int](repeating: 0, count: rows * columns)
        for step in 0..<2000 {
            let batch = sampler.sample(seed: 11, step: step, imageCount: 4)
            for image in 0..<4 {
                for block in 0..<2 {
                    let first = Int(batch.target(block: block, image: image).first ?? -1)
                    let (top, left) = (first / 9, first % 9)
                    try #require(top < rows && left < columns)
                    counts[top * columns + left] += 1
                }
            }
        }
        let expected = Array(repeating: 16_000 / Double(counts.count), count: counts.count)
        // 29 and 41 degrees of freedom: 99.99 % of draws lie below 67 and 84.
        #expect(chiSquare(counts, expected) < (kind == .ijepa ? 67 : 84))
    }

    @Test("Cutting takes the bottom rows in the public sampler and random places in the uniform one")
    func cutting() throws {
        for kind in MaskSettings.Sampler.allCases {
            let settings = MaskSettings(sampler: kind, contextCount: .batch, gridHeight: 14, gridWidth: 14)
            let sampler = try makeSampler(settings)
            var (upper, lower) = (0, 0)
            for step in 0..<100 {
                let batch = sampler.sample(seed: 3, step: step, imageCount: 32)
                // Counted away from the border rows, which the public sampler never uses.
                for patch in batch.context {
                    switch Int(patch) / 14 {
                    case 1..<6: upper += 1
                    case 8..<13: lower += 1
                    default: break
                    }
                }
            }
            let ratio = Double(lower) / Double(upper)
            if kind == .ijepa { #expect(ratio < 0.8) } else { #expect(abs(ratio - 1) < 0.1) }
        }
    }

    @Test("Statistics agree with the batches they were made from")
    func statistics() throws {
        let sampler = try makeSampler(MaskSettings(contextCount: .batch, gridHeight: 7, gridWidth: 7, minKeep: 4))
        let statistics = MaskStatistics(sampler, seed: 2, batches: 50, imagesPerBatch: 16)
        let batches = (0..<50).map { sampler.sample(seed: 2, step: $0, imageCount: 16) }
        let mean = Double(batches.map(\.contextCount).reduce(0, +)) / 50
        #expect(abs(statistics.contextPatches.mean - mean) < 1e-12)
        #expect(abs(statistics.hiddenShare - (1 - mean / 49)) < 1e-12)
        #expect(abs(statistics.contextCoverage.reduce(0, +) - mean) < 1e-9)
        #expect(abs(statistics.targetCoverage.reduce(0, +) / 49 - statistics.targetShare) < 1e-12)
        #expect(statistics.contextPatches.max <= sampler.limits.contextCount)
        #expect(statistics.uncutContextPatches.mean >= statistics.contextPatches.mean)
        #expect(statistics.targetSizes.map(\.batches).reduce(0, +) == 50)
        #expect(statistics.contextPatchCounts.map(\.batches).reduce(0, +) == 50)
        #expect(statistics.repeatedTargetShare > 0 && statistics.repeatedTargetShare < statistics.targetShare)
        #expect(statistics.relaxedShare == 0 && statistics.sharedShare == 0)
    }

    /// Context patches of single images, which no batch cuts, and the share of images that have a patch in the context
    /// and in a target.
    private func singles(_ contextCount: MaskSettings.ContextCount, grid: Int) throws -> (
        counts: [Int: Int], context: [Double], targets: [Double]
    ) {
        let sampler = try makeSampler(
            MaskSettings(contextCount: contextCount, gridHeight: grid, gridWidth: grid, minKeep: 4))
        var counts: [Int: Int] = [:]
        var (context, targets) = (
            [Double](repeating: 0, count: grid * grid), [Double](repeating: 0, count: grid * grid)
        )
        for step in 0..<Self.singleImages {
            // Seeds differ, so that the two ways share no draw.
            let batch = sampler.sample(seed: contextCount == .fixed ? 1 : 2, step: step, imageCount: 1)
            counts[batch.contextCount, default: 0] += 1
            for patch in batch.context { context[Int(patch)] += 1 / Double(Self.singleImages) }
            for patch in Set(batch.targets) { targets[Int(patch)] += 1 / Double(Self.singleImages) }
        }
        return (counts, context, targets)
    }

    private static let singleImages = 4000

    @Test("Drawing images until they have Kc patches changes the distribution of none of them", arguments: [7, 10])
    func fixedCount(grid: Int) throws {
        let (fixed, single) = (try singles(.fixed, grid: grid), try singles(.batch, grid: grid))
        // Two samples of one distribution: Σ (a − b)² / (a + b), with rare counts in one bin.
        var (bins, rare) = ([(Int, Int)](), (0, 0))
        for count in Set(fixed.counts.keys).union(single.counts.keys) {
            let pair = (fixed.counts[count] ?? 0, single.counts[count] ?? 0)
            if pair.0 + pair.1 < 20 { rare = (rare.0 + pair.0, rare.1 + pair.1) } else { bins.append(pair) }
        }
        if rare.0 + rare.1 > 0 { bins.append(rare) }
        let distance = bins.reduce(0.0) {
            $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) / Double($1.0 + $1.1)
        }
        let degrees = Double(bins.count - 1)
        #expect(degrees > 8 && distance < degrees + 4 * (2 * degrees).squareRoot(), "\(distance) of \(degrees)")
        // Five standard errors of a difference of two shares.
        let tolerance = 5 * (0.5 / Double(Self.singleImages)).squareRoot()
        for (a, b) in [(fixed.context, single.context), (fixed.targets, single.targets)] {
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < tolerance })
        }
    }

    @Test("Images for which no draw has Kc patches share the masks of the step's reference")
    func sharedMasks() throws {
        // On a large grid Kc has thousands of values, and no single one comes often.
        let sampler = try makeSampler(MaskSettings(gridHeight: 64, gridWidth: 64))
        var shared = 0
        for step in 0..<3 {
            let batch = sampler.sample(seed: 1, step: step, imageCount: 6)
            let distinct = Set((0..<6).map { image in Array(batch.context(image: image)) })
            #expect(distinct.count == 6 - max(batch.sharedImages - 1, 0))
            #expect(batch.uncutContextCounts == Array(repeating: batch.contextCount, count: 6))
            shared += batch.sharedImages
        }
        #expect(shared > 2)
    }

    /// The digests are those of the version before there was a choice.
    @Test(
        "Cut contexts are drawn as they always were",
        arguments: [
            (MaskSettings.Sampler.ijepa, 7, 17_983_965_337_198_539_219), (.uniform, 7, 10_917_957_310_121_864_111),
            (.ijepa, 14, 10_911_926_302_539_817_331), (.uniform, 14, 6_698_839_232_657_670_318),
        ] as [(MaskSettings.Sampler, Int, UInt64)])
    func earlierDraws(_ sampler: MaskSettings.Sampler, grid: Int, expected: UInt64) throws {
        let settings = MaskSettings(
            sampler: sampler, contextCount: .batch, gridHeight: grid, gridWidth: grid, minKeep: grid == 7 ? 4 : 10)
        let masks = try makeSampler(settings)
        // FNV-1a, number by number.
        var digest: UInt64 = 14_695_981_039_346_656_037
        func fold(_ value: Int) { digest = (digest ^ UInt64(truncatingIfNeeded: value)) &* 1_099_511_628_211 }
        for step in 0..<50 {
            let batch = masks.sample(seed: 7, step: step, imageCount: 32)
            (batch.context + batch.targets).forEach { fold(Int($0)) }
            batch.uncutContextCounts.forEach(fold)
            fold(batch.relaxedImages)
        }
        #expect(digest == expected)
    }
}
