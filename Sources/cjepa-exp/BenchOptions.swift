import ArgumentParser
import CPUKernels
import Declarations
import ExperimentSpec
import Training

/// The configuration that `bench` times: a spec's arm, or a network described by options.
struct BenchOptions: ParsableArguments {
    @Argument(help: "A spec; options override its settings.", completion: ShellCompletion.spec)
    var spec: String?

    @Option(help: ArgumentHelp("The arm of the spec to time. (default: the baseline)", valueName: "arm"))
    var arm: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a key of the spec; may be repeated.", valueName: "key.path=value"),
        completion: ShellCompletion.setting)
    var overrides: [String] = []

    @Option(help: ArgumentHelp("vit_tiny, vit_small, vit_base or vit_large. (default: vit_small)", valueName: "preset"))
    var model: ModelConfiguration.Preset?

    @Option(help: ArgumentHelp("Side length of the images. (default: 224)", valueName: "pixels"))
    var image: Int?

    @Option(help: ArgumentHelp("Side length of the patches. (default: 16)", valueName: "pixels"))
    var patch: Int?

    @Option(help: ArgumentHelp("Images per step. (default: 16)", valueName: "n"))
    var batch: Int?

    @Option(help: ArgumentHelp("Width of the predictor. (default: the preset's)", valueName: "n"))
    var predictorWidth: Int?

    @Option(help: ArgumentHelp("Depth of the predictor. (default: the preset's)", valueName: "n"))
    var predictorDepth: Int?

    @Option(help: "float32, bf16, or auto for whichever is faster here. (default: float32, or the spec's)")
    var precision: TrainingConfiguration.Precision?

    @Option(help: ArgumentHelp("Parts (shards) that a batch is split into. (default: 4)", valueName: "n"))
    var shards: Int?

    @Option(
        help: ArgumentHelp("A mask must keep more patches than this. (default: 10; 4 on a small grid)", valueName: "n"))
    var minKeep: Int?

    func validate() throws {
        if spec == nil, arm != nil || !overrides.isEmpty {
            throw ValidationError("--arm and --set need a spec.")
        }
        let numbers = [
            ("--image", image), ("--patch", patch), ("--batch", batch), ("--predictor-width", predictorWidth),
            ("--predictor-depth", predictorDepth), ("--min-keep", minKeep),
        ]
        for (name, value) in numbers { try OptionBounds.check(value, name, in: OptionBounds.sizes) }
        try OptionBounds.check(shards, "--shards", in: OptionBounds.parallelism)
        if model == .custom { throw ValidationError("--model custom needs a spec that describes the network.") }
    }

    /// - Throws: `SpecErrors` or `UnusableInput` for what cannot work.
    func configuration() throws -> RunConfiguration {
        var configuration = try spec.map { try self.configuration(ofSpec: $0) } ?? Self.described
        if let model { configuration.apply(model) }
        if let image { configuration.model.imageSize = image }
        if let patch { configuration.model.patchSize = patch }
        if let batch { configuration.training.batchSize = batch }
        if let predictorWidth { configuration.set("model.predictor.width", to: .integer(predictorWidth)) }
        if let predictorDepth { configuration.set("model.predictor.depth", to: .integer(predictorDepth)) }
        if let precision { configuration.training.precision = precision }
        if configuration.training.precision == .auto {
            configuration.training.precision = CPUBackend.multipliesBF16 ? .bf16 : .float32
        }
        if let shards { configuration.resources.shards = shards }
        let grid = configuration.model.imageSize / configuration.model.patchSize
        // Target blocks of a small grid have fewer patches than the usual limit.
        if spec == nil, grid < 10 { configuration.set("masks.min_keep", to: 4) }
        if let minKeep { configuration.set("masks.min_keep", to: .integer(minKeep)) }
        if let problem = configuration.problems.first {
            throw UnusableInput(place: problem.key, problem: problem.message, remedy: problem.remedy)
        }
        return configuration
    }

    /// What options without a spec change.
    private static var described: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.apply(.small)
        configuration.training.batchSize = 16
        configuration.training.steps = 1000
        // The work stays what it was, so that rates of different versions compare.
        configuration.set("masks.context_count", to: "batch")
        return configuration
    }

    private func configuration(ofSpec path: String) throws -> RunConfiguration {
        let experiment = try loadSpec(path, overrides: overrides)
        return try experiment.run(ofArm: arm, spec: path).configuration
    }
}

extension ModelConfiguration.Preset: ExpressibleByArgument {}

extension Experiment {
    /// The first run of an arm; without a name, of the baseline.
    ///
    /// - Throws: `UnusableInput` where there is no such arm.
    func run(ofArm arm: String?, spec: String) throws -> PlannedRun {
        let wanted = arm ?? baseline
        if let run = runs.first(where: { $0.arm == wanted }) { return run }
        let nearest = nearestName(to: wanted, among: arms).map { "did you mean '\($0)'? " } ?? ""
        throw UnusableInput(
            place: spec, problem: "there is no arm \(wanted)",
            remedy: "\(nearest)the arms are \(arms.joined(separator: ", "))")
    }
}
