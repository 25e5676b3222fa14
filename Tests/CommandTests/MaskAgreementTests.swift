import Declarations
import ExperimentSpec
import Foundation
import Masking
import Testing

import cjepa_exp

@Suite("A spec is accepted where its masks can be drawn, and only there")
struct MaskAgreementTests {
    private let smoke = Program.repository + "/experiments/smoke.spec"

    @Test(arguments: [4, 7, 14], ["ijepa", "uniform"])
    func theSamplerDecides(patch: Int, sampler: String) throws {
        var counts = [true: 0, false: 0]
        for minKeep in [0, 4, 7, 12] {
            for target in [[0.15, 0.2], [0.9, 1.0], [0.02, 0.5]] {
                for context in [[0.85, 1.0], [0.2, 0.3]] {
                    for aspect in [[0.75, 1.5], [50, 100]] {
                        let all: [String: SpecValue] = [
                            "model.patch_size": .integer(patch), "masks.sampler": .text(sampler),
                            "masks.min_keep": .integer(minKeep), "masks.target_scale": target.specValue,
                            "masks.context_scale": context.specValue, "masks.target_aspect": aspect.specValue,
                        ]
                        let isDrawn = try isDrawable(all)
                        counts[isDrawn, default: 0] += 1
                        do {
                            _ = try loadSpec(smoke, overrides: all.map { "\($0)=\($1.json)" })
                            #expect(isDrawn, "accepted: \(all)")
                        } catch {
                            #expect(!isDrawn, "refused: \(all): \(error)")
                            #expect(error.errors.count == 1)
                            #expect(error.errors[0].remedy?.isEmpty == false)
                        }
                    }
                }
            }
        }
        #expect(counts[false, default: 0] > 0)
        if patch == 4 { #expect(counts[true, default: 0] > 0) }
    }

    /// Without the spec's checks.
    private func isDrawable(_ overrides: [String: SpecValue]) throws -> Bool {
        var configuration = try loadSpec(smoke).runs[0].configuration
        for (path, value) in overrides { configuration.set(path, to: value) }
        return (try? configuration.maskSampler()) != nil
    }

    @Test func masksThatCannotBeDrawnAreAnErrorOfUsageWithTheirPlace() throws {
        let folder = try TemporaryFolder()
        let spec = try folder.write(
            "inherit: \(smoke)\nmasks:\n  target_aspect: [50, 100]\n", to: "slivers.spec")
        for command in [["plan", spec], ["run", spec, "--results", folder.path + "/results"], ["masks", spec]] {
            let program = try Program.run(command)
            #expect(program.status == 64)
            let place = "\(spec):3:3: error: masks.target_aspect: "
            #expect(program.error.contains(place), "\(program.error)")
            #expect(program.error.contains("masks.target_aspect nearer to 1"), "\(program.error)")
        }
        let program = try Program.run(["plan", smoke, "--set", "masks.target_scale=[0.9,1.0]"])
        #expect(program.status == 64)
        #expect(program.error.contains("--set masks.target_scale=[0.9,1.0]: error: "), "\(program.error)")
    }

    @Test func epochsOfGzippedFilesAreCounted() throws {
        let overrides = [
            "data={dataset: idx, folder: '\(Program.repository)/Tests/Fixtures/fashion-mnist-sample'}",
            "training={epochs: 2, batch_size: 32}",
        ]
        let experiment = try loadSpec(smoke, overrides: overrides)
        #expect(experiment.runs[0].configuration.training.steps == 124)
    }

    @Test func tooLittleMemoryIsAnErrorThatNamesBothNumbers() throws {
        let folder = try TemporaryFolder()
        let program = try Program.run([
            "run", smoke, "--results", folder.path + "/results", "--set", "resources.memory_gib=0.02",
        ])
        #expect(program.status == 64)
        #expect(
            program.error.contains("0.02 GiB for all runs, but one run is predicted to need 0."), "\(program.error)")
    }
}
