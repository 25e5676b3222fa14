import Masking
import Testing

@Suite("Settings from which no masks can be drawn are refused")
struct MaskValidationTests {
    struct Case: CustomTestStringConvertible {
        let name: String
        let settings: MaskSettings
        let setting: String
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "28×28 images with patch 4 and the paper's min_keep, public sampler",
            settings: MaskSettings(sampler: .ijepa, gridHeight: 7, gridWidth: 7), setting: "masks.min_keep"),
        Case(
            name: "the same, uniform sampler",
            settings: MaskSettings(gridHeight: 7, gridWidth: 7), setting: "masks.min_keep"),
        Case(
            name: "one row, which the public sampler never uses",
            settings: MaskSettings(sampler: .ijepa, gridHeight: 1, gridWidth: 200),
            setting: "model.patch_size"),
        Case(
            name: "a context smaller than min_keep",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, contextScale: [0.01, 1]), setting: "masks.min_keep"),
        Case(
            name: "a context that a target can cover",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, contextScale: [0.15, 0.2]),
            setting: "masks.context_scale"),
        Case(
            name: "no target blocks", settings: MaskSettings(gridHeight: 14, gridWidth: 14, targetBlocks: 0),
            setting: "masks.target_blocks"),
        Case(
            name: "a reversed range",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, targetScale: [0.2, 0.15]),
            setting: "masks.target_scale"),
        Case(
            name: "a share above the whole",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, contextScale: [0.8, 1.5]),
            setting: "masks.context_scale"),
        Case(
            name: "one number for a range",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, targetAspect: [1]), setting: "masks.target_aspect"),
        Case(
            name: "not a number",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, contextAspect: [1, .nan]),
            setting: "masks.context_aspect"),
        Case(
            name: "an absurd aspect ratio",
            settings: MaskSettings(gridHeight: 14, gridWidth: 14, targetAspect: [1e300, 1e300]),
            setting: "masks.target_aspect"),
        Case(
            name: "a context of slivers",
            settings: MaskSettings(gridHeight: 7, gridWidth: 7, contextAspect: [900, 1000], minKeep: 4),
            setting: "masks.context_aspect"),
        Case(
            name: "a single patch", settings: MaskSettings(gridHeight: 1, gridWidth: 1, minKeep: 4),
            setting: "model.patch_size"),
        Case(
            name: "negative min_keep", settings: MaskSettings(gridHeight: 14, gridWidth: 14, minKeep: -1),
            setting: "masks.min_keep"),
        Case(name: "no patches", settings: MaskSettings(gridHeight: 0, gridWidth: 14), setting: "model.patch_size"),
    ]

    @Test("Refused before anything is drawn, naming the setting and a remedy", arguments: cases)
    func refused(_ example: Case) throws {
        let error = try #require(throws: MaskError.self) { try makeSampler(example.settings) }
        #expect(error.setting == example.setting, "\(error)")
        #expect(!error.remedy.isEmpty)
    }

    @Test("The remedy for min_keep is the largest that works")
    func remedyWorks() throws {
        var settings = MaskSettings(sampler: .ijepa, gridHeight: 7, gridWidth: 7)
        let error = try #require(throws: MaskError.self) { try settings.validate() }
        #expect(error.remedy.contains("at most 5"), "\(error)")
        settings.minKeep = 5
        try settings.validate()
        settings.minKeep = 6
        #expect(throws: MaskError.self) { try settings.validate() }
    }

    @Test(
        "Small grids are refused at once with a remedy that works", arguments: MaskSettings.Sampler.allCases,
        [(2, 2, 10), (4, 4, 10), (2, 2, 0), (2, 2, 1), (4, 4, 1), (1, 3, 0), (3, 1, 0), (1, 16, 1), (1, 1, 0)])
    func smallGrids(_ sampler: MaskSettings.Sampler, _ grid: (Int, Int, Int)) throws {
        var settings = MaskSettings(sampler: sampler, gridHeight: grid.0, gridWidth: grid.1, minKeep: grid.2)
        // Each remedy names a setting; following them ends with masks, or with the grid itself.
        for _ in 0..<4 {
            do throws(MaskError) {
                try settings.validate()
                let masks = try makeSampler(settings).sample(seed: 1, step: 0, imageCount: 2)
                #expect(masks.contextCount > settings.minKeep)
                return
            } catch {
                let numbers = error.remedy.matches(of: /(at most|scale,) ([0-9.]+)/).map { String($0.output.2) }
                guard let number = numbers.first else {
                    #expect(error.remedy.contains("smaller"), "\(error)")
                    return
                }
                if error.remedy.contains("at most"), let keep = Int(number) {
                    #expect(keep < settings.minKeep, "\(error)")
                    settings.minKeep = keep
                } else {
                    let scale = try #require(Double(number.hasSuffix(".") ? String(number.dropLast()) : number))
                    let setting = error.setting == "masks.target_scale" ? \MaskSettings.targetScale : \.contextScale
                    #expect(scale > settings[keyPath: setting][0], "\(error)")
                    settings[keyPath: setting] = [scale, max(scale, settings[keyPath: setting][1])]
                }
            }
        }
        Issue.record("the remedies lead nowhere: \(settings)")
    }

    @Test("A four by four grid has masks once min_keep is 0", arguments: MaskSettings.Sampler.allCases)
    func fourByFour(_ sampler: MaskSettings.Sampler) throws {
        let settings = MaskSettings(sampler: sampler, gridHeight: 4, gridWidth: 4, minKeep: 0)
        #expect(try makeSampler(settings).sample(seed: 1, step: 0, imageCount: 8).contextCount > 0)
    }

    @Test("Blocks of the whole grid are refused where nothing would be left of the context")
    func wholeGrid() throws {
        let whole = MaskSettings(gridHeight: 7, gridWidth: 7, targetScale: [1, 1], contextScale: [1, 1], minKeep: 4)
        let error = try #require(throws: MaskError.self) { try whole.validate() }
        #expect(error.problem.contains("keeps 0 when a target block of 7×7 = 49 is taken out"))
        #expect(error.remedy == "use a smaller masks.target_scale")
        // The public sampler gives up on disjointness instead.
        let public_ = MaskSettings(
            sampler: .ijepa, gridHeight: 7, gridWidth: 7, targetScale: [1, 1], contextScale: [1, 1], minKeep: 4)
        #expect(try makeSampler(public_).sample(seed: 1, step: 0, imageCount: 4).contextCount > 4)
    }

    @Test("Settings at the edge end, in both samplers", arguments: MaskSettings.Sampler.allCases)
    func edges(_ kind: MaskSettings.Sampler) throws {
        // Twelve targets of nearly a third of the grid: most draws leave too little, so the last resort is needed.
        let settings = MaskSettings(
            sampler: kind, gridHeight: 12, gridWidth: 12, targetBlocks: 12, targetScale: [0.3, 0.35],
            contextScale: [0.7, 0.8], minKeep: 20)
        let sampler = try makeSampler(settings)
        var relaxed = 0
        for seed in 0..<50 as Range<UInt64> {
            let batch = sampler.sample(seed: seed, step: 0, imageCount: 4)
            #expect(batch.contextCount > settings.minKeep)
            relaxed += batch.relaxedImages
        }
        #expect(relaxed > 0)
    }

    @Test("The sizes of the public defaults are those of the public formula")
    func publicSizes() {
        let ijepa = MaskSettings(sampler: .ijepa, gridHeight: 14, gridWidth: 14)
        #expect(ijepa.contextSizes == [BlockSize(height: 13, width: 13)])
        // u = 0: K = 29, aspect 0.75; u → 1: K = 39, aspect 1.5.
        #expect(ijepa.targetSizes.contains(BlockSize(height: 5, width: 6)))
        #expect(ijepa.targetSizes.contains(BlockSize(height: 8, width: 5)))
        // Small and tall, large and flat: impossible with one draw.
        #expect(!ijepa.targetSizes.contains(BlockSize(height: 7, width: 4)))
        #expect(!ijepa.targetSizes.contains(BlockSize(height: 5, width: 7)))
        let uniform = MaskSettings(gridHeight: 14, gridWidth: 14)
        #expect(uniform.targetSizes.contains(BlockSize(height: 7, width: 4)))
        #expect(uniform.targetSizes.contains(BlockSize(height: 5, width: 7)))
        #expect(uniform.contextSizes.last == BlockSize(height: 14, width: 14))
        #expect(ijepa.maximumContextCount == 169)
        #expect(uniform.maximumContextCount == 196 - (uniform.targetSizes.first?.count ?? 0))
    }
}
