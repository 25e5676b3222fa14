import Declarations
import Masking

extension ConfigurationValidator {
    private static let gridKeys = ["model.patch_size", "model.image_size"]

    /// Whether nothing is wrong with the grid of patches; only then is a sampler asked about it.
    private var isGridSound: Bool { findings.allSatisfy { Set($0.keys).isDisjoint(with: Self.gridKeys) } }

    /// Target blocks of an image; none where no masks can be drawn, which is a finding of its own.
    var targetBlocks: Int? { isGridSound ? (try? configuration.maskSampler())?.limits.blocks : nil }

    /// Asks the sampler whether it can draw masks, where the grid makes sense.
    mutating func checkMasks() {
        let path = Catalogue.current.maskSamplers.path
        guard isGridSound else { return }
        let grid = Self.gridKeys
        do {
            _ = try configuration.maskSampler()
        } catch {
            var keys: [String] = []
            for key in [error.setting] + error.culprits + [path] + grid where !keys.contains(key) { keys.append(key) }
            find(keys, message: error.problem, remedy: error.remedy)
        }
    }
}
