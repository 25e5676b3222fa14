import ExperimentSpec
import Statistics

extension Answer {
    /// The answer in plain English, two or three entries: differences from the baseline; what collapsed, and whether the
    /// others are above the floors; what became of the claims. Each entry is one sentence or two.
    package var sentences: [String] {
        [differenceSentence, healthSentence, claimSentence].compactMap { $0 }
    }

    /// What more seeds would decide, one sentence for each matter; empty where nothing is open.
    package var power: [String] {
        let tested = arms.compactMap(\.difference)
        guard !tested.isEmpty else { return [] }
        if let most = tested.map(\.pairs).max(), tested.allSatisfy({ $0.outcome == .tooFew }) {
            let missing = counted(PairedTest.fewestPairs - most, "more seed")
            return ["A test needs \(PairedTest.fewestPairs) seeds of each arm: at least \(missing)."]
        }
        let open = arms.filter { $0.difference?.outcome == .open }
        let decidable = open.compactMap { arm in arm.difference?.moreSeeds.map { (arm: arm.name, seeds: $0) } }
            .sorted { $0.seeds < $1.seeds }
        var sentences: [String] = []
        if decidable.count == 1 {
            let (arm, seeds) = decidable[0]
            sentences.append(
                "\(counted(seeds, "more seed")) would decide whether \(arm) differs from \(baseline), with 80 % "
                    + "probability.")
        } else if !decidable.isEmpty {
            let shown = decidable.prefix(decidable.count > 4 ? 3 : 4).map { "\($0.seeds) for \($0.arm)" }
            let others = decidable.dropFirst(shown.count)
            let rest = others.first.map { ["\($0.seeds) or more for each of \(others.count) others"] } ?? []
            sentences.append(
                "More seeds that would decide open differences from \(baseline), with 80 % probability: "
                    + "\(Self.list(shown + rest, most: .max)).")
        }
        let near = open.filter { $0.difference?.moreSeeds == nil }.map(\.name)
        if !near.isEmpty {
            sentences.append(
                "\(Self.list(near)) \(near.count == 1 ? "is" : "are") too near \(baseline) for any number of seeds up to "
                    + "1,000 to tell.")
        }
        return sentences
    }

    // MARK: Differences

    private var differenceSentence: String {
        guard arms.contains(where: { $0.done > 0 }) else {
            let planned = arms.reduce(0) { $0 + $1.planned }
            return planned == 1 ? "The only run has not finished yet." : "No run has finished yet."
        }
        guard let metric else { return "No finished run holds a number that could be compared." }
        let valued = arms.filter { $0.statistics != nil }
        guard !valued.isEmpty else { return "No finished run has a finite number of \(metric.words)." }
        guard arms.count > 1 else { return onlyArm(arms[0], metric) }
        guard let reference = valued.first(where: \.isBaseline) else { return withoutBaseline(valued, metric) }
        let compared = valued.filter { $0.difference != nil }
        guard !compared.isEmpty else {
            return valued.count == 1
                ? "Only the baseline \(reference.name) has results yet: \(value(of: reference, metric))."
                : "No other arm shares a finished seed with the baseline \(reference.name)."
        }
        if compared.allSatisfy({ $0.difference?.outcome == .tooFew }) { return tooFew(compared, metric) }
        return comparison(compared, metric)
    }

    private func onlyArm(_ arm: Arm, _ metric: ComparisonTable.Column) -> String {
        "\(arm.name) reaches \(value(of: arm, metric)); there is no other arm to compare it with."
    }

    /// "61.2 ± 0.8 % in logistic accuracy (3 seeds)".
    private func value(of arm: Arm, _ metric: ComparisonTable.Column) -> String {
        guard let statistics = arm.statistics else { return "" }
        let unit = metric.unit()
        return "\(metric.text(statistics))\(unit.isEmpty ? "" : " \(unit)") in \(metric.words) "
            + "(\(statistics.n == 1 ? "one seed" : "\(statistics.n) seeds"))"
    }

    private func withoutBaseline(_ valued: [Arm], _ metric: ComparisonTable.Column) -> String {
        let why =
            baseline.isEmpty
            ? "There is no baseline, so there are no differences"
            : "The baseline \(baseline) has no results yet, so there are no differences"
        // Nothing is called best with fewer seeds.
        guard valued.count > 1, valued.allSatisfy({ ($0.statistics?.n ?? 0) >= ComparisonTable.seedsForBest }),
            let best = valued.first(where: { $0.rank == 1 }), valued.count(where: { $0.rank == 1 }) == 1
        else { return why + "." }
        return "\(why); the highest mean is that of \(best.name), \(value(of: best, metric))."
    }

    private func tooFew(_ compared: [Arm], _ metric: ComparisonTable.Column) -> String {
        let pairs = Set(compared.compactMap { $0.difference?.pairs })
        let most = pairs.max() ?? 0
        let start =
            "With \(pairs.count > 1 ? "at most " : "")\(most == 1 ? "one seed" : "\(most) seeds") of each arm no difference can be told from chance"
        guard let widest = compared.max(by: { abs($0.difference?.mean ?? 0) < abs($1.difference?.mean ?? 0) }),
            let difference = widest.difference
        else { return start + "." }
        let text = amount(difference, metric, isSigned: true)
        return compared.count == 1
            ? "\(start): \(widest.name) − \(baseline) is \(text) in \(metric.words)."
            : "\(start): the largest from \(baseline) in \(metric.words) is that of \(widest.name), \(text)."
    }

    private func comparison(_ compared: [Arm], _ metric: ComparisonTable.Column) -> String {
        func those(_ outcome: Difference.Outcome) -> [Arm] { compared.filter { $0.difference?.outcome == outcome } }
        let (above, below, open) = (those(.above), those(.below), those(.open))
        var clauses: [String] = []
        /// The first clause names baseline and metric, the others lean on it.
        func object(_ preposition: String) -> String {
            clauses.isEmpty ? "\(preposition)\(baseline) in \(metric.words)" : "\(preposition)it"
        }
        for (arms, word) in [(above, "above"), (below, "below")] where !arms.isEmpty {
            let ordered = arms.sorted { abs($0.difference?.mean ?? 0) > abs($1.difference?.mean ?? 0) }
            if let difference = ordered[0].difference, ordered.count == 1 {
                let interval = metric.intervalText(difference).map { " (95 % \($0))" } ?? ""
                clauses.append(
                    "\(ordered[0].name) is clearly \(object(word + " ")), by "
                        + amount(difference, metric, isSigned: false) + interval)
            } else {
                let names = ordered.map { arm in
                    arm.name + (arm.difference.map { " (\(amount($0, metric, isSigned: true)))" } ?? "")
                }
                clauses.append("\(Self.list(names)) are clearly \(object(word + " "))")
            }
        }
        switch (open.count, clauses.isEmpty) {
        case (0, _): break
        case (1, true):
            let numbers = open[0].difference.map { difference in
                ": \(amount(difference, metric, isSigned: true))"
                    + (metric.intervalText(difference).map { ", 95 % \($0)" } ?? "")
                    + ", \(counted(difference.pairs, "seed"))"
            }
            clauses.append("\(open[0].name) does not differ clearly \(object("from "))\(numbers ?? "")")
        case (2, true):
            clauses.append("neither \(open[0].name) nor \(open[1].name) differs clearly \(object("from "))")
        case (let count, true):
            clauses.append(
                "\(count == compared.count ? "none of the \(count) other arms" : "none of \(count) other arms") differs "
                    + "clearly \(object("from "))")
        case (let count, false):
            let subject = count <= 2 ? Self.list(open.map(\.name)) : "the other \(count) arms"
            clauses.append("\(subject) \(count == 1 ? "does" : "do") not differ clearly \(object("from "))")
        }
        for arm in those(.noSpread) {
            guard let difference = arm.difference else { continue }
            clauses.append(
                difference.mean == 0
                    ? "\(arm.name) equals \(object("")) in every seed"
                    : "\(arm.name) differs \(object("from ")) by the same \(amount(difference, metric, isSigned: true)) in "
                        + "every seed, which leaves nothing to test against")
        }
        let few = those(.tooFew).map(\.name)
        if !few.isEmpty { clauses.append("\(Self.list(few)) \(few.count == 1 ? "has" : "have") too few seeds") }
        return Self.sentence(clauses, names: arms.map(\.name))
    }

    /// "+1.2 points", or without its sign "1.2 points".
    private func amount(_ difference: Difference, _ metric: ComparisonTable.Column, isSigned: Bool) -> String {
        let text = metric.text(difference)
        let unit = metric.unit(isDifference: true)
        return (isSigned ? text : text.trimmingPrefix { "+−-".contains($0) }.description)
            + (unit.isEmpty ? "" : " \(unit)")
    }

    // MARK: Collapse and floors

    private var healthSentence: String? {
        let parts = [collapseSentence, floorSentence].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }

    private var collapseSentence: String? {
        let judged = arms.filter { $0.collapse != nil }
        guard !judged.isEmpty else { return nil }
        let collapsed = judged.filter(\.isCollapsed)
        guard !collapsed.isEmpty else {
            return judged.count == 1 ? "\(judged[0].name) did not collapse." : "No arm collapsed."
        }
        let whole = collapsed.filter { $0.collapse?.collapsed == $0.collapse?.judged }
        let partly = collapsed.filter { $0.collapse?.collapsed != $0.collapse?.judged }
        var clauses: [String] = []
        if whole.count == 1, let runs = whole[0].collapse?.judged {
            clauses.append(
                "\(whole[0].name) collapsed" + (runs == 1 ? "" : runs == 2 ? " in both runs" : " in all \(runs) runs"))
        } else if !whole.isEmpty {
            let single = whole.allSatisfy { $0.collapse?.judged == 1 }
            clauses.append("\(Self.list(whole.map(\.name))) collapsed" + (single ? "" : " in all their runs"))
        }
        if partly.count <= 2 {
            clauses += partly.map { "\($0.name) in \($0.collapse?.collapsed ?? 0) of \($0.collapse?.judged ?? 0) runs" }
        } else {
            clauses.append("\(Self.list(partly.map(\.name))) in some of their runs")
        }
        if whole.isEmpty { clauses[0] = clauses[0].replacing(" in ", with: " collapsed in ", maxReplacements: 1) }
        return Self.list(clauses, most: .max) + "."
    }

    private var floorSentence: String? {
        guard let metric, metric.isRanked, metric.reduction == MetricSelector.Reduction.last.rawValue else {
            return nil
        }
        let healthy = arms.filter { !$0.isCollapsed && $0.statistics != nil }
        guard !healthy.isEmpty else { return nil }
        let kinds: [(ComparisonTable.RowKind, String)] = [
            (.rawPixels, "raw pixels"), (.initialisation, "the networks at initialisation"),
        ]
        var reached: [String] = []
        var missed: [(arms: [Arm], floor: String)] = []
        for (kind, words) in kinds {
            let floors = self.floors.filter { $0.kind == kind }
            // Which of several data sets an arm was trained on is not known here.
            guard !floors.isEmpty, kind == .initialisation || floors.count == 1 else { continue }
            let name = words + (floors.count == 1 ? " (\(metric.meanText(floors[0].statistics)) \(metric.unit()))" : "")
            let low = healthy.filter { arm in
                let own = floors.filter { $0.arms?.contains(arm.name) ?? true }.map(\.statistics.mean)
                return own.contains { (arm.statistics?.mean ?? 0) <= $0 }
            }
            if low.isEmpty { reached.append(name) } else { missed.append((low, name)) }
        }
        if missed.count == 2, missed[0].arms == missed[1].arms {
            missed = [(missed[0].arms, missed.map(\.floor).joined(separator: " or "))]
        }
        var text = ""
        if !reached.isEmpty {
            let both = reached.count == 2 ? "both floors, \(reached[0]) and \(reached[1])" : reached[0]
            // Means are compared; whether a difference is clear, claims on gains say.
            let average = healthy.contains { ($0.statistics?.n ?? 0) > 1 } ? ", on average," : ""
            text = "\(subject(healthy)) \(healthy.count == 1 ? "lies" : "lie")\(average) above \(both)"
        }
        for (low, floor) in missed {
            text += text.isEmpty ? "" : reached.isEmpty ? "; " : ", but "
            if low.count < healthy.count {
                text += "\(Self.list(low.map(\.name))) \(low.count == 1 ? "does" : "do") not exceed \(floor)"
            } else if healthy.count == 1 {
                text += (reached.isEmpty ? "\(low[0].name) does" : "does") + " not exceed \(floor)"
            } else if healthy.count == 2 {
                text +=
                    (reached.isEmpty ? "neither \(low[0].name) nor \(low[1].name)" : "neither") + " exceeds \(floor)"
            } else {
                text += "none of \(reached.isEmpty ? others(healthy) : "them") exceeds \(floor)"
            }
        }
        return text.isEmpty ? nil : Self.sentence([text], names: arms.map(\.name))
    }

    /// Those that did not collapse, as the subject of a sentence.
    private func subject(_ healthy: [Arm]) -> String {
        switch healthy.count {
        case 1: healthy[0].name
        case 2: healthy.count == arms.count ? "both arms" : Self.list(healthy.map(\.name))
        default: "all " + others(healthy).dropFirst("the ".count)
        }
    }

    /// "the 3 arms", "the 3 other arms" beside those that collapsed.
    private func others(_ healthy: [Arm]) -> String {
        let word =
            healthy.count == arms.count
            ? "arms" : arms.contains(where: \.isCollapsed) ? "other arms" : "arms with results"
        return "the \(healthy.count) \(word)"
    }

    // MARK: Claims

    private var claimSentence: String? {
        guard !claims.isEmpty else { return nil }
        func words(_ outcome: ClaimVerdict.Outcome, isPlural: Bool) -> String {
            switch outcome {
            case .supported: isPlural ? "stand" : "stands"
            case .contradicted: isPlural ? "fall" : "falls"
            case .cannotTell: isPlural ? "are undecided" : "is undecided"
            }
        }
        if claims.count == 1 {
            return "The claim “\(claims[0].claim)” \(words(claims[0].outcome, isPlural: false))."
        }
        let outcomes: [ClaimVerdict.Outcome] = [.supported, .contradicted, .cannotTell]
        let groups = outcomes.map { outcome in (outcome, claims.filter { $0.outcome == outcome }) }
            .filter { !$0.1.isEmpty }
        if groups.count == 1, let (outcome, all) = groups.first {
            let subject = all.count == 2 ? "Both claims" : "All \(all.count) claims"
            return "\(subject) \(words(outcome, isPlural: true))."
        }
        let clauses = groups.map { outcome, some in
            let isNamed = some.count == 1 && outcome != .cannotTell
            return "\(some.count) \(words(outcome, isPlural: some.count > 1))"
                + (isNamed ? " (“\(some[0].claim)”)" : "")
        }
        return "Of \(claims.count) claims, \(Self.list(clauses, most: .max))."
    }

    // MARK: Words

    /// "a", "a and b", "a, b and c", "a, b, c and 4 more".
    static func list(_ names: [String], most: Int = 4) -> String {
        let shown = names.count > most ? names.prefix(most - 1) + ["\(names.count - most + 1) more"] : names[...]
        guard shown.count > 1, let last = shown.last else { return shown.first ?? "" }
        return shown.dropLast().joined(separator: ", ") + " and " + last
    }

    /// Clauses as one sentence; its first word is written with a capital unless it is the name of an arm.
    private static func sentence(_ clauses: [String], names: [String]) -> String {
        let text = clauses.joined(separator: "; ") + "."
        guard let first = text.first, !names.contains(where: { text.hasPrefix($0 + " ") || text.hasPrefix($0 + ",") })
        else { return text }
        return first.uppercased() + text.dropFirst()
    }
}
