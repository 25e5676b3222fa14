import Declarations
import Masking

extension ConfigurationValidator {
    /// Asks the sampler whether it can draw masks, where the grid makes sense.
    mutating func checkMasks() {
        let path = Catalogue.current.maskSamplers.path
        let grid = ["model.patch_size", "model.image_size"]
        guard findings.allSatisfy({ Set($0.keys).isDisjoint(with: grid) }) else { return }
        do {
            _ = try configuration.maskSampler()
        } catch {
            var keys: [String] = []
            for key in [error.setting] + error.culprits + [path] + grid where !keys.contains(key) { keys.append(key) }
            find(keys, message: error.problem, remedy: error.remedy)
        }
    }
}
