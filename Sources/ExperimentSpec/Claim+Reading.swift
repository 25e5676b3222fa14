import Evaluation
import Declarations

/// What is known of a metric that a claim names.
package enum MetricKnowledge: Hashable, Sendable {
    /// A fraction that tables show in percent.
    case accuracy
    case other
    /// No run of this configuration will hold it.
    case unknown(nearest: String?, remedy: String)
    /// Nobody was asked.
    case unchecked
}

extension Claim {
    /// Looks a metric name up as the runs of a configuration will hold it. The store alone knows, and it is no part of
    /// this module.
    package typealias MetricLookup = (
        _ metric: String, _ encoder: EvaluationConfiguration.Encoder, _ configuration: RunConfiguration
    ) -> MetricKnowledge

    /// Keys of an element of `expect`.
    static let keys = [
        "arm", "minus", "metric", "encoder", "at_least", "at_most", "unit", "collapses", "source", "sd",
    ]

    /// Reads `expect:`; an element over several arms makes one expectation of each.
    ///
    /// - Parameter names: None where the arms are not known; then only the rest of each claim is checked.
    static func read(
        _ part: SpecDocument.Part, arms: [SpecArm], names: ArmNames?, lookup: MetricLookup,
        _ diagnostics: SpecDiagnostics
    ) -> [Claim] {
        guard let nodes = part.node.list else {
            diagnostics.report(
                part.node.location, keyPath: "expect", "expected a list, found \(part.node.kindName)",
                remedy: "start every element with '- ', for example "
                    + "- {arm: cjepa, minus: ijepa, metric: linear, at_least: 0.5, unit: points}")
            return []
        }
        return nodes.flatMap { node in
            var reader = ClaimReader(node: node, arms: arms, names: names, diagnostics: diagnostics)
            return reader.read(lookup)
        }
    }
}

/// Reads one element of `expect`.
private struct ClaimReader {
    let node: SpecNode
    let arms: [SpecArm]
    let names: ArmNames?
    let diagnostics: SpecDiagnostics
    var fields: [String: SpecNode.Entry] = [:]
    var isSound = true

    mutating func read(_ lookup: Claim.MetricLookup) -> [Claim] {
        guard let entries = node.entries else {
            refuse(node.location, nil, "expected a group of keys, found \(node.kindName)", remedy: knownKeys)
            return []
        }
        for entry in entries {
            if Claim.keys.contains(entry.key) {
                fields[entry.key] = entry
            } else {
                refuse(
                    entry.location, entry.key, "unknown key", nearest: nearestName(to: entry.key, among: Claim.keys),
                    remedy: knownKeys)
            }
        }
        // What is missing may be what could not be read.
        let isWhole = isSound
        let subjects = armNames("arm", severalAllowed: true)
        if fields["arm"] == nil, isWhole {
            refuse(node.location, nil, "'arm' is missing", remedy: "name the arm that the claim is about")
        }
        let minus = armNames("minus", severalAllowed: false).first
        if let minus, subjects.contains(minus) {
            refuse(
                fields["minus"]!.location, "minus", "the arm '\(minus)' is compared with itself",
                remedy: "name another arm")
        }
        let source = text("source")
        let encoder = choice("encoder", EvaluationConfiguration.Encoder.self)
        let isCollapse = fields["collapses"] != nil
        if isCollapse == (fields["metric"] != nil) {
            if isWhole {
                refuse(
                    node.location, nil, "a claim has either 'metric' with bounds, or 'collapses'",
                    remedy: "for example {arm: \(subjects.first ?? "X"), collapses: true}")
            }
            return []
        }
        if isCollapse { return collapseClaims(subjects, encoder, source) }
        return metricClaims(subjects, minus, encoder, source, isWhole: isWhole, lookup)
    }

    private mutating func collapseClaims(
        _ subjects: [String], _ encoder: EvaluationConfiguration.Encoder?, _ source: String?
    ) -> [Claim] {
        for key in ["minus", "at_least", "at_most", "unit", "sd"] where fields[key] != nil {
            refuse(fields[key]!.location, key, "has no meaning together with 'collapses'", remedy: "remove it")
        }
        let entry = fields["collapses"]!
        guard case .boolean(let collapses)? = entry.value.value else {
            refuse(
                entry.value.location, "collapses", "expected true or false, found \(entry.value.kindName)",
                remedy: "write true or false")
            return []
        }
        guard isSound else { return [] }
        return subjects.map { Claim(arm: $0, encoder: encoder, collapses: collapses, source: source) }
    }

    private mutating func metricClaims(
        _ subjects: [String], _ minus: String?, _ encoder: EvaluationConfiguration.Encoder?, _ source: String?,
        isWhole: Bool, _ lookup: Claim.MetricLookup
    ) -> [Claim] {
        let (atLeast, atMost) = (number("at_least"), number("at_most"))
        let unit = choice("unit", Claim.Unit.self)
        let sd = number("sd")
        if let sd, !(sd > 0 && sd.isFinite) {
            refuse(
                fields["sd"]!.location, "sd", "a standard deviation is above 0",
                remedy: "give the spread over seeds that you expect, in the unit of the bounds")
        }
        if fields["at_least"] == nil, fields["at_most"] == nil, isWhole {
            refuse(
                node.location, nil, "a bound is missing", remedy: "give 'at_least', 'at_most' or both")
        }
        if let atLeast, let atMost, atLeast > atMost {
            refuse(fields["at_least"]!.location, "at_least", "is above 'at_most'", remedy: "swap the two")
        }
        guard let metric = text("metric") else { return [] }
        let isKnown = diagnostics.isKnown(
            ["evaluation.encoders"] + Catalogue.current.evaluationTasks.map { $0.declaration.group })
        for arm in arms where isKnown && (subjects.contains(arm.name) || arm.name == minus) {
            // One word for all arms that lack the metric.
            guard check(metric, lookup(metric, encoder ?? .target, arm.configuration)) else { break }
        }
        guard isSound else { return [] }
        return subjects.map {
            Claim(
                arm: $0, minus: minus, metric: metric, encoder: encoder, atLeast: atLeast, atMost: atMost, unit: unit,
                source: source, sd: sd)
        }
    }

    private mutating func check(_ metric: String, _ knowledge: MetricKnowledge) -> Bool {
        let place = fields["metric"]!.value.location
        switch knowledge {
        case .unknown(let nearest, let remedy):
            refuse(place, "metric", "no run will have a metric '\(metric)'", nearest: nearest, remedy: remedy)
        case .accuracy where fields["unit"] == nil:
            refuse(
                place, "unit", "'\(metric)' is an accuracy: its bounds could be percentage points or fractions",
                remedy: "add 'unit: points' (0.5 is half a percentage point) or 'unit: fraction'")
        case .other where fields["unit"] != nil:
            refuse(
                fields["unit"]!.location, "unit", "'\(metric)' is not an accuracy", remedy: "remove the unit")
        default: return true
        }
        return false
    }

    // MARK: Fields

    private mutating func armNames(_ key: String, severalAllowed: Bool) -> [String] {
        guard let entry = fields[key] else { return [] }
        let nodes = severalAllowed ? entry.value.list ?? [entry.value] : [entry.value]
        return nodes.compactMap { node in
            guard let text = node.written else {
                refuse(
                    node.location, key, "expected the name of an arm, found \(node.kindName)",
                    remedy: names.map { "arms: \(listed($0.all))" })
                return nil
            }
            guard let names else { return text }
            if let name = names.find(text) { return name }
            refuse(
                node.location, key, "there is no arm '\(text)'", nearest: nearestName(to: text, among: names.all),
                remedy: "arms: \(listed(names.all))")
            return nil
        }
    }

    private mutating func text(_ key: String) -> String? {
        guard let entry = fields[key] else { return nil }
        if let text = entry.value.text { return text }
        refuse(entry.value.location, key, "expected text, found \(entry.value.kindName)", remedy: "put it in quotes")
        return nil
    }

    private mutating func number(_ key: String) -> Double? {
        guard let entry = fields[key] else { return nil }
        switch entry.value.value {
        case .integer(let value)?: return Double(value)
        case .number(let value)?: return value
        default:
            refuse(
                entry.value.location, key, "expected a number, found \(entry.value.kindName)",
                remedy: "for example \(key): 0.5")
            return nil
        }
    }

    private mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) -> Choice? {
        guard let name = text(key) else { return nil }
        if let choice = Choice(rawValue: name) { return choice }
        let known = Choice.allCases.map(\.rawValue)
        refuse(
            fields[key]!.value.location, key, "expected one of \(known.joined(separator: ", ")), found '\(name)'",
            nearest: nearestName(to: name, among: known), remedy: "write one of them")
        return nil
    }

    private var knownKeys: String { "known keys: \(Claim.keys.joined(separator: ", "))" }

    private mutating func refuse(
        _ location: SpecLocation, _ key: String?, _ message: String, nearest: String? = nil, remedy: String? = nil
    ) {
        isSound = false
        diagnostics.report(
            location, keyPath: key.map { "expect.\($0)" } ?? "expect", message, nearest: nearest, remedy: remedy)
    }
}
