import Masking
import Testing

private let seeds: Range<UInt64> = 0..<200

/// Settings over several grids, for both samplers, and with contexts cut and uncut.
private let cases: [MaskSettings] = MaskSettings.Sampler.allCases.flatMap { sampler in
    [
        MaskSettings(sampler: sampler, gridHeight: 14, gridWidth: 14),
        MaskSettings(sampler: sampler, gridHeight: 7, gridWidth: 7, minKeep: 4),
        MaskSettings(sampler: sampler, gridHeight: 8, gridWidth: 8, targetBlocks: 2, minKeep: 3),
        MaskSettings(sampler: sampler, gridHeight: 6, gridWidth: 12, targetAspect: [0.5, 2], minKeep: 4),
        MaskSettings(
            sampler: sampler, gridHeight: 10, gridWidth: 9, targetBlocks: 3, targetScale: [0.1, 0.3],
            contextScale: [0.6, 0.9], contextAspect: [0.8, 1.25], minKeep: 5),
    ]
}.flatMap { settings in
    guard settings.sampler == .uniform else { return [settings] }
    return MaskSettings.ContextCount.allCases.map { contextCount in
        var settings = settings
        settings.contextCount = contextCount
        return settings
    }
}

private func describe(_ s: MaskSettings, _ seed: UInt64) -> Comment {
    "\(s.sampler), \(s.contextCount), on \(s.gridHeight)×\(s.gridWidth), seed \(seed)"
}

@Suite("Properties of masks, 200 seeds")
struct MaskPropertyTests {
    @Test("Counts are rectangular, indices ascend inside the grid, counts respect the limits", arguments: cases)
    func shape(_ settings: MaskSettings) throws {
        let sampler = try makeSampler(settings)
        let (targetSizes, contextSizes) = (Set(settings.targetSizes), Set(settings.contextSizes))
        for seed in seeds {
            let batch = sampler.sample(seed: seed, step: 3, imageCount: 4)
            #expect(batch.context.count == batch.images * batch.contextCount, describe(settings, seed))
            #expect(batch.targets.count == batch.blocks * batch.images * batch.targetCount)
            #expect(batch.images == 4 && batch.blocks == settings.targetBlocks)
            #expect(batch.contextCount > settings.minKeep && batch.targetCount > settings.minKeep)
            #expect(batch.contextCount == batch.uncutContextCounts.min())
            #expect(batch.contextCount <= sampler.limits.contextCount)
            #expect(batch.targetCount <= sampler.limits.targetCount)
            #expect(targetSizes.contains(try #require(batch.targetSize)), describe(settings, seed))
            #expect(contextSizes.contains(try #require(batch.contextSize)), describe(settings, seed))
            for image in 0..<batch.images {
                let parts =
                    [batch.context(image: image)] + (0..<batch.blocks).map { batch.target(block: $0, image: image) }
                for part in parts {
                    #expect(zip(part, part.dropFirst()).allSatisfy { $0 < $1 }, describe(settings, seed))
                    #expect(part.allSatisfy { $0 >= 0 && $0 < settings.patches }, describe(settings, seed))
                }
            }
        }
    }

    @Test("Every target is a rectangle of the batch's size", arguments: cases)
    func rectangles(_ settings: MaskSettings) throws {
        let sampler = try makeSampler(settings)
        let width = Int32(settings.gridWidth)
        for seed in seeds {
            let batch = sampler.sample(seed: seed, step: 0, imageCount: 3)
            let size = try #require(batch.targetSize)
            #expect(batch.targetCount == size.count)
            for image in 0..<batch.images {
                for block in 0..<batch.blocks {
                    let patches = Array(batch.target(block: block, image: image))
                    let (top, left) = (patches[0] / width, patches[0] % width)
                    let expected = (0..<Int32(size.height)).flatMap { row in
                        (0..<Int32(size.width)).map { (top + row) * width + left + $0 }
                    }
                    #expect(patches == expected, describe(settings, seed))
                    #expect(Int(left) + size.width <= settings.gridWidth, describe(settings, seed))
                }
            }
        }
    }

    @Test("The context holds no target patch where that is promised", arguments: cases)
    func disjoint(_ settings: MaskSettings) throws {
        let sampler = try makeSampler(settings)
        for seed in seeds {
            let batch = sampler.sample(seed: seed, step: 1, imageCount: 4)
            let overlapping = (0..<batch.images).count { image in
                let targets = Set((0..<batch.blocks).flatMap { batch.target(block: $0, image: image) })
                return !targets.isDisjoint(with: batch.context(image: image))
            }
            switch settings.sampler {
            case .uniform: #expect(overlapping == 0, describe(settings, seed))
            case .ijepa: #expect(overlapping <= batch.relaxedImages, describe(settings, seed))
            }
        }
    }

    @Test("Equal seeds and steps agree; other seeds and other steps differ", arguments: cases)
    func seeding(_ settings: MaskSettings) throws {
        let sampler = try makeSampler(settings)
        var seen = Set<MaskBatch>()
        for seed in seeds {
            let batch = sampler.sample(seed: seed, step: 0, imageCount: 8)
            #expect(batch == sampler.sample(seed: seed, step: 0, imageCount: 8))
            #expect(batch != sampler.sample(seed: seed, step: 1, imageCount: 8), describe(settings, seed))
            seen.insert(batch)
        }
        #expect(seen.count == seeds.count)
    }

    @Test("The public sampler never touches the last row or column, as target or as context")
    func publicSamplerLeavesBorder() throws {
        for settings in cases where settings.sampler == .ijepa {
            let sampler = try makeSampler(settings)
            for seed in seeds {
                let batch = sampler.sample(seed: seed, step: 0, imageCount: 4)
                for patch in batch.context + batch.targets {
                    #expect(Int(patch) / settings.gridWidth < settings.gridHeight - 1, describe(settings, seed))
                    #expect(Int(patch) % settings.gridWidth < settings.gridWidth - 1, describe(settings, seed))
                }
            }
        }
    }

    @Test("The uniform sampler reaches every patch, as target and as context")
    func uniformReachesEveryPatch() throws {
        for settings in cases where settings.sampler == .uniform {
            let sampler = try makeSampler(settings)
            var targets = Set<Int32>()
            var contexts = Set<Int32>()
            for seed in seeds {
                let batch = sampler.sample(seed: seed, step: 0, imageCount: 4)
                targets.formUnion(batch.targets)
                contexts.formUnion(batch.context)
            }
            #expect(targets.count == settings.patches && contexts.count == settings.patches, "\(settings)")
        }
    }

    @Test("The uniform sampler's placement does not depend on the number of images")
    func placementIsPerImage() throws {
        for settings in cases where settings.sampler == .uniform && settings.cutsContexts {
            let sampler = try makeSampler(settings)
            for seed in seeds {
                let few = sampler.sample(seed: seed, step: 2, imageCount: 2)
                let many = sampler.sample(seed: seed, step: 2, imageCount: 6)
                #expect(few.targetSize == many.targetSize && few.contextSize == many.contextSize)
                for image in 0..<2 {
                    #expect(few.uncutContextCounts[image] == many.uncutContextCounts[image], describe(settings, seed))
                    for block in 0..<few.blocks {
                        #expect(few.target(block: block, image: image) == many.target(block: block, image: image))
                    }
                    // A harder cut keeps a part of what a softer cut kept.
                    #expect(Set(many.context(image: image)).isSubset(of: few.context(image: image)))
                }
            }
        }
    }

    @Test("With a fixed count nothing is cut, and an image's masks do not depend on the number of images")
    func fixedCount() throws {
        for settings in cases where !settings.cutsContexts {
            let sampler = try makeSampler(settings)
            for seed in seeds.prefix(50) {
                let few = sampler.sample(seed: seed, step: 2, imageCount: 2)
                let many = sampler.sample(seed: seed, step: 2, imageCount: 12)
                #expect(few.contextCount == many.contextCount, describe(settings, seed))
                #expect(many.uncutContextCounts == Array(repeating: many.contextCount, count: 12))
                let counts = try #require(sampler.patchCounts(seed: seed, step: 2))
                #expect(counts == (many.contextCount, many.targetCount))
                for image in 0..<2 {
                    #expect(few.context(image: image) == many.context(image: image), describe(settings, seed))
                    for block in 0..<few.blocks {
                        #expect(few.target(block: block, image: image) == many.target(block: block, image: image))
                    }
                }
            }
        }
    }

    @Test("The public sampler cuts whatever is asked")
    func publicSamplerCuts() throws {
        for settings in cases where settings.sampler == .ijepa {
            var other = settings
            other.contextCount = settings.contextCount == .fixed ? .batch : .fixed
            let batch = try makeSampler(settings).sample(seed: 1, step: 0, imageCount: 6)
            #expect(try makeSampler(other).sample(seed: 1, step: 0, imageCount: 6) == batch)
        }
    }
}
