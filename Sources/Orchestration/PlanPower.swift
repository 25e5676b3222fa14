/// What the planned seeds can decide, as `plan` shows it.
package struct PlanPower: Encodable, Hashable, Sendable {
    /// "cjepa.ema − ijepa.ema in linear ≥ 0.6 points".
    package var claim: String
    package var seeds: Int
    /// Over seeds, in points for accuracies; none where nothing is known of it.
    package var standardDeviation: Double?
    /// Where that is from.
    package var source: String?
    /// The smallest difference found with 80 % probability; in standard deviations where those are not known.
    package var smallestDetectable: Double?
    /// The chance of a verdict where there is in truth no difference, or twice the bound.
    package var chance: Double?
    /// Seeds for a chance of 80 %.
    package var seedsNeeded: Int?

    package init(
        claim: String, seeds: Int, standardDeviation: Double?, source: String?, smallestDetectable: Double?,
        chance: Double?, seedsNeeded: Int?
    ) {
        self.claim = claim
        self.seeds = seeds
        self.standardDeviation = standardDeviation
        self.source = source
        self.smallestDetectable = smallestDetectable
        self.chance = chance
        self.seedsNeeded = seedsNeeded
    }

    static func text(_ powers: [PlanPower]) -> String {
        func number(_ value: Double?) -> String { value.map { Quantity.significant($0) } ?? "" }
        var table = TextTable([
            ("what the seeds can decide", .left), ("seeds", .right), ("sd", .right), ("from", .left),
            ("detects", .right), ("chance", .right), ("seeds for 80 %", .right),
        ])
        for power in powers {
            table.append([
                power.claim, "\(power.seeds)", number(power.standardDeviation), power.source ?? "",
                number(power.smallestDetectable)
                    + (power.standardDeviation == nil && power.smallestDetectable != nil ? " sd" : ""),
                power.chance.map { "\(Int((100 * $0).rounded())) %" } ?? "",
                power.chance == nil ? "" : power.seedsNeeded.map(String.init) ?? "over 1,000",
            ])
        }
        var lines = [
            table.text,
            "detects: the smallest difference found with 80 % probability (paired t test at 5 %; accuracies in points).",
        ]
        if powers.contains(where: { $0.chance != nil }) {
            lines.append(
                "chance: of a verdict on the claim where there is in truth no difference, or twice the bound.")
        }
        if powers.contains(where: { $0.standardDeviation == nil }) {
            lines.append("sd unknown: finished runs of the experiment give it, or `sd` in a claim.")
        }
        return lines.joined(separator: "\n")
    }
}
