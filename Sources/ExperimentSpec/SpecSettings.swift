import Foundation

/// Values for keys, each with the place where it was set: one layer of a configuration, or several merged.
struct SpecSettings: Sendable {
    struct Setting: Sendable {
        var value: SpecValue
        var location: SpecLocation
    }

    private(set) var byPath: [String: Setting] = [:]

    init() {}

    /// Where the first of these keys that is set was set.
    func location(of paths: [String]) -> SpecLocation? {
        paths.lazy.compactMap { byPath[$0]?.location }.first
    }

    func isSet(_ path: String) -> Bool {
        byPath[path].map { $0.value != .null } ?? false
    }

    mutating func set(_ path: String, _ value: SpecValue, at location: SpecLocation) {
        byPath[path] = Setting(value: value, location: location)
    }

    /// Lays a later layer over this one.
    ///
    /// Three keys speak for others, and where a later layer sets them, what earlier layers said of those is dropped: a
    /// preset drops widths, depths and heads; steps drop epochs and the reverse; a projector's kind drops its widths.
    mutating func merge(_ layer: SpecSettings) {
        if layer.isSet("model.preset") { drop(ModelConfiguration.Preset.paths) }
        if layer.isSet("training.steps") { drop(["training.epochs"]) }
        if layer.isSet("training.epochs") { drop(["training.steps"]) }
        if layer.isSet("objective.vicreg.projector.kind") { drop(["objective.vicreg.projector.widths"]) }
        byPath.merge(layer.byPath) { $1 }
    }

    private mutating func drop(_ paths: [String]) {
        for path in paths { byPath[path] = nil }
    }

    /// The configuration with every default filled in, but for steps worked out from epochs.
    func resolved() -> RunConfiguration {
        var configuration = RunConfiguration()
        if case .text(let name)? = byPath["model.preset"]?.value,
            let preset = ModelConfiguration.Preset(rawValue: name)
        {
            configuration.model.apply(preset)
        }
        for key in SpecKey.all {
            if let setting = byPath[key.path] { key.set(setting.value, in: &configuration) }
        }
        if configuration.model.predictor.heads == nil {
            configuration.model.predictor.heads = configuration.model.heads
        }
        // A preset whose numbers were changed is none.
        if !configuration.model.follows(configuration.model.preset) { configuration.model.preset = .custom }
        return configuration
    }
}

// MARK: - Presets

extension ModelConfiguration.Preset {
    /// What a preset sets.
    static let paths = [
        "model.width", "model.depth", "model.heads", "model.predictor.width", "model.predictor.depth",
        "model.predictor.heads",
    ]

    /// Encoder width, depth and heads, and the predictor's depth; its width is 384 for all.
    var sizes: (width: Int, depth: Int, heads: Int, predictorDepth: Int)? {
        switch self {
        case .tiny: (192, 12, 3, 6)
        case .small: (384, 12, 6, 6)
        case .base: (768, 12, 12, 6)
        case .large: (1024, 24, 16, 12)
        case .custom: nil
        }
    }
}

extension ModelConfiguration {
    /// Width P of the predictor of every preset.
    static let presetPredictorWidth = 384

    package mutating func apply(_ preset: Preset) {
        self.preset = preset
        guard let sizes = preset.sizes else { return }
        (width, depth, heads) = (sizes.width, sizes.depth, sizes.heads)
        predictor.width = Self.presetPredictorWidth
        predictor.depth = sizes.predictorDepth
        // As many as the encoder has, also where the encoder's are set beside the preset.
        predictor.heads = nil
    }

    /// Whether all sizes are the preset's; the predictor's heads are filled in.
    func follows(_ preset: Preset) -> Bool {
        if preset == .custom { return true }
        var other = self
        other.apply(preset)
        other.predictor.heads = other.heads
        return other == self
    }
}

// MARK: - Reading

extension SpecSettings {
    /// Reads keys, nested or dotted ("objective.vicreg.weight"), out of a group of a spec.
    ///
    /// - Parameters:
    ///   - entries: Keys below `group`.
    ///   - folder: What a relative `data.folder` is relative to.
    init(
        _ entries: [SpecNode.Entry], below group: String = "", folder: String, _ diagnostics: SpecDiagnostics
    ) {
        read(entries, below: group, folder: folder, diagnostics)
        if let steps = byPath["training.steps"], isSet("training.steps"), isSet("training.epochs") {
            diagnostics.report(
                steps.location, keyPath: "training.steps", "both steps and epochs are given",
                remedy: "keep one of training.steps and training.epochs")
        }
    }

    private mutating func read(
        _ entries: [SpecNode.Entry], below group: String, folder: String, _ diagnostics: SpecDiagnostics
    ) {
        for entry in entries {
            let path = group.isEmpty ? entry.key : "\(group).\(entry.key)"
            if let key = SpecKey.byPath[path] {
                guard let value = key.read(entry.value, folder: folder, diagnostics) else { continue }
                if byPath[path] != nil {
                    diagnostics.report(
                        entry.location, keyPath: path, "the key is set twice", remedy: "keep one of the two")
                }
                set(path, value, at: entry.location)
            } else if SpecKey.groups.contains(path) {
                if let children = entry.value.entries {
                    read(children, below: path, folder: folder, diagnostics)
                } else if !entry.value.isNull {
                    diagnostics.report(
                        entry.value.location, keyPath: path, "expected a group of keys, found \(entry.value.kindName)",
                        remedy: "known keys: \(SpecKey.children(of: path).joined(separator: ", "))")
                }
            } else {
                diagnostics.report(SpecKey.unknown(path, at: entry.location))
            }
        }
    }
}

extension SpecKey {
    /// Reads a value and reports it where it does not fit.
    func read(_ node: SpecNode, folder: String, _ diagnostics: SpecDiagnostics) -> SpecValue? {
        switch decode(node) {
        case .success(.text(let text)) where path == "data.folder":
            return .text(URL(fileURLWithPath: text, relativeTo: URL(fileURLWithPath: folder)).standardizedFileURL.path)
        case .success(let value): return value
        case .failure(let rejection):
            diagnostics.report(
                node.location, keyPath: path, rejection.message, nearest: rejection.nearest, remedy: rejection.remedy)
            return nil
        }
    }
}
