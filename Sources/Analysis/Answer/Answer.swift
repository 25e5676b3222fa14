package import Statistics

/// What a comparison table answers, without the detail: how each arm did in one metric against the baseline, what
/// collapsed, which claims stand, in numbers and in sentences.
///
/// A view of a `ComparisonTable`: every number is one of the table's, in the unit of the stored numbers (accuracies are
/// fractions). `ComparisonTable.Column` writes them in the units of texts. The terminal shows it, and the report's first
/// screen.
package struct Answer: Hashable, Sendable {
    /// One arm in the headline metric.
    package struct Arm: Hashable, Sendable {
        package let name: String
        package let isBaseline: Bool
        /// Finished runs, and those of the matrix.
        package let done: Int
        package let planned: Int
        /// Every finite value, in the order of the seeds.
        package let values: [SeedValue]
        /// Over `values`; none where no run gave a number.
        package let statistics: SampleStatistics?
        /// From the baseline, by seed; none of the baseline itself, and where they share no finished seed.
        package let difference: Difference?
        /// 1 for the highest mean of all arms, equal means sharing a rank; none where higher is not better, and without a
        /// number.
        package let rank: Int?
        /// In words: "healthy", "no collapse", "complete collapse", with the number of runs where it is not all that could
        /// be judged: "complete collapse 1/3"; none where none could.
        package let verdict: String?
        /// The gravest finding of `verdict`, and how many others there are: "complete collapse 2/4, 3 more".
        package let gravest: String?
        /// How many runs collapsed, of how many that could be judged; none where none could.
        package let collapse: Collapse?
        /// Numbers of the arm's notes, from 1.
        package let notes: [Int]

        /// Whether any of its runs collapsed.
        package var isCollapsed: Bool { (collapse?.collapsed ?? 0) > 0 }
    }

    package struct Collapse: Hashable, Sendable {
        package let collapsed: Int
        package let judged: Int
    }

    /// arm − baseline, paired by seed.
    package struct Difference: Hashable, Sendable {
        package enum Outcome: Hashable, Sendable {
            /// The 95 % interval lies on one side of 0, and p after Holm's adjustment over the arms is below 0.05.
            case above
            case below
            /// Tested, and not told from 0.
            case open
            /// Fewer pairs than a test needs (`PairedTest.fewestPairs`).
            case tooFew
            /// Equal in every pair, so there is nothing to test against.
            case noSpread
        }

        package let pairs: Int
        package let mean: Double
        /// 95 %, Student, not adjusted; none with one pair.
        package let interval: Interval?
        /// Of the paired t test, adjusted after Holm; none where there is no test.
        package let p: Double?
        package let outcome: Outcome
        /// Of an open difference: seeds besides those that there are, with which it would be told from 0 with 80 %
        /// probability, where mean and spread stay as they are; none where more than `EffectSize.mostPairs` are needed.
        package let moreSeeds: Int?

        /// Whether the arm is told from the baseline.
        package var isClear: Bool { outcome == .above || outcome == .below }
    }

    /// What needs no training.
    package struct Floor: Hashable, Sendable {
        package let kind: ComparisonTable.RowKind
        /// "raw pixels", "at initialisation".
        package let label: String
        /// The arms that it is a floor of; none: of all.
        package let arms: [String]?
        package let statistics: SampleStatistics
    }

    package let experiment: String
    package let question: String
    /// The arm that differences are taken from, whether it has results or not; empty where there is none.
    package let baseline: String
    /// "target" or "context".
    package let encoder: String
    /// The headline metric, and its place among the table's columns; none before any run is done.
    package let metric: ComparisonTable.Column?
    package let column: Int?
    /// In the order of the table.
    package let arms: [Arm]
    /// Those that have a number in the headline metric.
    package let floors: [Floor]
    package let claims: [ClaimVerdict]
    /// What is missing or conspicuous; arms refer to them by number, from 1.
    package let notes: [String]

    /// Whether no arm has more than one seed, so that nothing has a spread.
    package var hasSingleSeeds: Bool {
        arms.contains { $0.statistics != nil } && arms.allSatisfy { ($0.statistics?.n ?? 0) <= 1 }
    }

    /// Below this, p after Holm's adjustment makes a difference clear.
    package static let level = 0.05
}
