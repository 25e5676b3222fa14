import Datasets
import Declarations

/// How runs differ from what Mo & Tong (2024) pretrained the network of their size with.
///
/// Their tables 5 to 8, with the public I-JEPA code where they say nothing. What their ablations vary (weights of the terms,
/// length of training) may have any of their values.
package struct PaperComparison: Encodable, Hashable, Sendable {
    package struct Difference: Encodable, Hashable, Sendable {
        package let key: String
        /// What the runs have; of several, all of them.
        package let value: String
        package let paper: String
        /// Whether the paper says nothing of it, and the public I-JEPA code does.
        package let isFromCode: Bool
        /// Arms that differ; empty: all.
        package let arms: [String]
    }

    /// "ViT-T/16".
    package let network: String
    package let differences: [Difference]

    /// - Returns: None unless every run trains one and the same of the paper's networks.
    package init?(_ runs: [PlannedRun]) {
        let presets = Set(runs.map { PaperSettings.network(of: $0.configuration) })
        guard presets.count == 1, let preset = presets.first ?? nil, let name = preset.paperName else { return nil }
        network = name
        // Runs of an arm differ in the seed alone.
        var seen: Set<String> = []
        let arms = runs.filter { seen.insert($0.arm).inserted }
        differences = PaperSettings.all.compactMap { setting in
            let differing = arms.filter { !setting.holds($0.configuration) }
            guard let first = differing.first else { return nil }
            var values: [String] = []
            for arm in differing {
                let value = setting.value(arm.configuration)
                if !values.contains(value) { values.append(value) }
            }
            return Difference(
                key: setting.key, value: values.joined(separator: " or "), paper: setting.paper(first.configuration),
                isFromCode: setting.isFromCode, arms: differing.count == arms.count ? [] : differing.map(\.arm))
        }
    }

    package var text: String {
        let source = "\(network) in the paper (Mo & Tong 2024, tables 5 to 8)"
        guard !differences.isEmpty else { return "settings as those of \(source)" }
        return
            (["differs from \(source):"]
            + differences.map { difference in
                "    \(difference.key): \(difference.value) instead of \(difference.paper)"
                    + (difference.isFromCode ? " (public I-JEPA code)" : "")
                    + (difference.arms.isEmpty ? "" : " in \(difference.arms.joined(separator: ", "))")
            }).joined(separator: "\n")
    }
}

/// What the paper's networks were pretrained with.
private enum PaperSettings {
    struct Setting: Sendable {
        let key: String
        let isFromCode: Bool
        let holds: @Sendable (RunConfiguration) -> Bool
        let value: @Sendable (RunConfiguration) -> String
        let paper: @Sendable (RunConfiguration) -> String
    }

    /// Images of ImageNet-1K.
    private static let images = 1_281_167
    private static let warmupEpochs = 15.0

    /// The network of the paper that a configuration trains; none where it is of another kind or size.
    static func network(of configuration: RunConfiguration) -> ModelConfiguration.Preset? {
        let model = configuration.model
        return model.preset != .custom && model.imageSize == 224 && model.patchSize == 16 ? model.preset : nil
    }

    /// - Parameter values: Those that the paper has; the first is the usual one.
    private static func key(_ path: String, _ values: SpecValue..., isFromCode: Bool = false) -> Setting {
        Setting(
            key: path, isFromCode: isFromCode,
            holds: { configuration in
                let key = SpecKey.named(path)
                return !key.applies(to: configuration) || values.contains(key.value(in: configuration))
            },
            value: { SpecKey.named(path).value(in: $0).text }, paper: { _ in values[0].text })
    }

    static let all: [Setting] = [
        Setting(
            key: "training images", isFromCode: false,
            holds: { trainingImages($0) == images }, value: { trainingImages($0).map(String.init) ?? "unknown" },
            paper: { _ in "\(images) of ImageNet-1K" }),
        key("data.crop_scale", [0.3, 1.0], isFromCode: true),
        key("data.crop_aspect", [0.75, .number(4.0 / 3.0)], isFromCode: true),
        key("data.decode", "exact", isFromCode: true),
        key("model.channels", 3),
        key("model.init", "trunc_normal", isFromCode: true),
        key("model.mlp_ratio", 4.0, isFromCode: true),
        key("masks.sampler", "ijepa", isFromCode: true),
        key("masks.target_blocks", 4),
        key("masks.target_scale", [0.15, 0.2]),
        key("masks.target_aspect", [0.75, 1.5]),
        key("masks.context_scale", [0.85, 1.0]),
        key("masks.min_keep", 10, isFromCode: true),
        key("objective.prediction", "l2"),
        key("objective.vicreg.weight", 0.001, 0.0),
        key("objective.vicreg.pairs", "blocks"),
        key("objective.vicreg.invariance", 25.0, 0.0),
        key("objective.vicreg.variance", 25.0, 0.0),
        key("objective.vicreg.covariance", 1.0, 0.0),
        key("target_encoder.kind", "ema"),
        key("target_encoder.momentum", [0.996, 1.0]),
        key("target_encoder.momentum_schedule", "linear"),
        key("optimizer.betas", [0.9, 0.999], isFromCode: true),
        key("optimizer.weight_decay", [0.04, 0.4]),
        key("optimizer.weight_decay_schedule", "linear"),
        key("optimizer.clip_norm", .null, isFromCode: true),
        key("schedule.start_lr", 1e-4),
        key("schedule.lr", 1e-3),
        key("schedule.final_lr", 1e-6),
        Setting(
            key: "schedule.warmup", isFromCode: false,
            holds: { configuration in
                lengths(configuration.model.preset).contains { epochs in
                    abs(configuration.schedule.warmup - warmupEpochs / Double(epochs)) < 1e-9
                        && configuration.training.epochs == epochs
                }
            },
            value: { SpecValue.shortest($0.schedule.warmup) },
            paper: { configuration in
                let epochs = configuration.training.epochs ?? lengths(configuration.model.preset)[0]
                return "\(SpecValue.shortest(warmupEpochs / Double(epochs))), 15 of \(epochs) epochs"
            }),
        key("schedule.stretch", 1.0, isFromCode: true),
        key("training.batch_size", 2048),
        Setting(
            key: "training.epochs", isFromCode: false,
            holds: { configuration in
                configuration.training.epochs.map { lengths(configuration.model.preset).contains($0) } ?? false
            },
            value: { configuration in
                configuration.training.epochs.map(String.init)
                    ?? configuration.training.steps.map { counted($0, "step") } ?? "unknown"
            },
            paper: { lengths($0.model.preset).map(String.init).joined(separator: " or ") }),
        key("evaluation.train_images", .null),
        key("evaluation.test_images", .null),
    ]

    private static func trainingImages(_ configuration: RunConfiguration) -> Int? {
        configuration.data.trainSubset ?? configuration.data.expectedTrainImages
            ?? configuration.imageCollection.knownSizes?.train
    }

    /// Epochs that the paper trains a network for.
    private static func lengths(_ preset: ModelConfiguration.Preset) -> [Int] {
        switch preset {
        case .tiny, .base: [100, 600]
        case .small: [100]
        case .large, .custom: [600]
        }
    }
}

extension ModelConfiguration.Preset {
    fileprivate var paperName: String? {
        switch self {
        case .tiny: "ViT-T/16"
        case .small: "ViT-S/16"
        case .base: "ViT-B/16"
        case .large: "ViT-L/16"
        case .custom: nil
        }
    }
}
