import Declarations
import Foundation
import Networks
import Objectives

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
    /// preset drops widths, depths and heads; steps drop epochs and the reverse; a projector's kind drops its widths and `shared_with`.
    mutating func merge(_ layer: SpecSettings) {
        if layer.isSet("model.preset") { drop(ModelConfiguration.Preset.paths) }
        if layer.isSet("training.steps") { drop(["training.epochs"]) }
        if layer.isSet("training.epochs") { drop(["training.steps"]) }
        for type in Catalogue.current.regularizers where layer.isSet(type.declaration.group + ".projector.kind") {
            drop(["widths", "shared_with"].map { type.declaration.group + ".projector.\($0)" })
        }
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
            configuration.apply(preset)
        }
        for key in SpecKey.all {
            if let setting = byPath[key.path] { key.set(setting.value, in: &configuration) }
        }
        for key in SpecKey.all {
            guard let path = key.follows, key.value(in: configuration) == .null else { continue }
            configuration.set(key.path, to: configuration.value(of: path))
        }
        // A preset whose numbers were changed is none.
        if !configuration.follows(configuration.model.preset) { configuration.model.preset = .custom }
        return configuration
    }
}

// MARK: - Presets

extension ModelConfiguration.Preset {
    /// What a preset sets.
    static let paths =
        ["model.width", "model.depth", "model.heads"]
        + ["width", "depth", "heads"].map { "\(Predictors.group).\($0)" }

    /// Encoder width, depth and heads, and the predictor's depth; its width is 384 for all.
    private var sizes: (width: Int, depth: Int, heads: Int, predictorDepth: Int)? {
        switch self {
        case .tiny: (192, 12, 3, 6)
        case .small: (384, 12, 6, 6)
        case .base: (768, 12, 12, 6)
        case .large: (1024, 24, 16, 12)
        case .custom: nil
        }
    }

    /// The values of `paths`, in that order; none for `custom`.
    fileprivate var values: [SpecValue]? {
        // The predictor's heads are as many as the encoder has, also where the encoder's are set beside the preset.
        sizes.map {
            [.integer($0.width), .integer($0.depth), .integer($0.heads), 384, .integer($0.predictorDepth), .null]
        }
    }
}

extension RunConfiguration {
    package mutating func apply(_ preset: ModelConfiguration.Preset) {
        model.preset = preset
        for (path, value) in zip(ModelConfiguration.Preset.paths, preset.values ?? []) {
            SpecKey.byPath[path]?.set(value, in: &self)
        }
    }

    /// Whether all sizes are the preset's; keys that follow others are filled in.
    func follows(_ preset: ModelConfiguration.Preset) -> Bool {
        zip(ModelConfiguration.Preset.paths, preset.values ?? []).allSatisfy { path, value in
            guard let key = SpecKey.byPath[path] else { return true }
            let expected = value == .null ? key.follows.map { self.value(of: $0) } ?? value : value
            return key.value(in: self) == expected
        }
    }
}

// MARK: - Reading

extension SpecSettings {
    /// Reads keys, nested or dotted ("objective.vicreg.weight"), out of a group of a spec.
    ///
    /// - Parameters:
    ///   - entries: Keys below `group`; what merge keys (`<<`) add counts as an earlier layer.
    ///   - folder: What relative paths are relative to.
    init(
        _ entries: [SpecNode.Entry], below group: String = "", folder: String, _ diagnostics: SpecDiagnostics
    ) {
        var own = SpecSettings()
        read(entries, below: group, isMerged: false, folder: folder, own: &own, diagnostics)
        for layer in [self, own] {
            guard layer.isSet("training.steps"), layer.isSet("training.epochs") else { continue }
            diagnostics.report(
                layer.location(of: ["training.steps"])!, keyPath: "training.steps", "both steps and epochs are given",
                remedy: "keep one of training.steps and training.epochs")
        }
        merge(own)
    }

    /// Reads what merge keys add into this, and everything else into `own`.
    private mutating func read(
        _ entries: [SpecNode.Entry], below group: String, isMerged: Bool, folder: String, own: inout SpecSettings,
        _ diagnostics: SpecDiagnostics
    ) {
        for entry in entries {
            let path = group.isEmpty ? entry.key : "\(group).\(entry.key)"
            let isMerged = isMerged || entry.isMerged
            if let key = SpecKey.byPath[path] {
                guard let value = key.read(entry.value, folder: folder, diagnostics) else {
                    diagnostics.markUnread(path)
                    continue
                }
                if isMerged {
                    // The first of several merged groups wins.
                    if byPath[path] == nil { set(path, value, at: entry.location) }
                    continue
                }
                if own.byPath[path] != nil {
                    diagnostics.markUnread(path)
                    diagnostics.report(
                        entry.location, keyPath: path, "the key is set twice", remedy: "keep one of the two")
                }
                own.set(path, value, at: entry.location)
            } else if SpecKey.groups.contains(path) {
                if let children = entry.value.entries {
                    read(children, below: path, isMerged: isMerged, folder: folder, own: &own, diagnostics)
                } else if !entry.value.isNull {
                    diagnostics.markUnread(path)
                    diagnostics.report(
                        entry.value.location, keyPath: path, "expected a group of keys, found \(entry.value.kindName)",
                        remedy: "known keys: \(SpecKey.children(of: path).joined(separator: ", "))")
                }
            } else {
                diagnostics.reportUnknownKey(entry, path: path)
            }
        }
    }
}

extension SpecDiagnostics {
    /// Reports a key that is none; what it may have meant counts as unread.
    ///
    /// - Parameter alsoKnown: Names beside the keys that may stand where it does.
    func reportUnknownKey(_ entry: SpecNode.Entry, path: String, alsoKnown: [String] = []) {
        let error = SpecKey.unknown(path, at: entry.location, alsoKnown: alsoKnown)
        report(error)
        let group = SpecKey.knownGroup(ofPath: path)
        func last(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }
        if let nearest = error.nearest { markUnread(nearest) }
        // Where the suggestion is only a guess, any key of the group may have been meant.
        let isGuess = error.nearest.map { nearestName(to: last(path), among: [last($0)]) == nil } ?? true
        if isGuess, !group.isEmpty { markUnread(group) }
        markUnread(SpecKey.named(in: entry.value))
    }
}

extension SpecKey {
    /// Reads a value and reports it where it does not fit.
    func read(_ node: SpecNode, folder: String, _ diagnostics: SpecDiagnostics) -> SpecValue? {
        switch decode(node, folder: folder) {
        case .success(let value): return value
        case .failure(let rejection):
            diagnostics.report(
                node.location, keyPath: path, rejection.message, nearest: rejection.nearest, remedy: rejection.remedy)
            return nil
        }
    }

    /// As `decode`, with a relative path made absolute.
    func decode(_ node: SpecNode, folder: String) -> Result<SpecValue, Rejection> {
        decode(node).map { value in
            guard isPath, case .text(let text) = value else { return value }
            return .text(URL(fileURLWithPath: text, relativeTo: URL(fileURLWithPath: folder)).standardizedFileURL.path)
        }
    }

    /// Keys and groups that are named anywhere in a part of a spec, as keys or as the `key` of an axis.
    static func named(in node: SpecNode) -> Set<String> {
        switch node.content {
        case .scalar: return []
        case .list(let nodes): return nodes.reduce(into: []) { $0.formUnion(named(in: $1)) }
        case .map(let entries):
            return entries.reduce(into: []) { found, entry in
                let names = [entry.key, entry.key == "key" ? entry.value.written : nil].compactMap { $0 }
                for name in names {
                    if byPath[name] != nil || groups.contains(name) {
                        found.insert(name)
                    } else if let meant = suggestion(for: name) {
                        found.insert(meant)
                    }
                }
                found.formUnion(named(in: entry.value))
            }
        }
    }
}
