package import Statistics

/// An experiment as a table: arms against metrics, over seeds, beside the floors, with what is missing.
///
/// With tests of the differences, what the factors of the matrix do, learning curves and the verdicts on what the spec
/// claims. A value; `ComparisonTable.load` reads it from disk, the extensions write it as Markdown, CSV, LaTeX or JSON.
package struct ComparisonTable: Hashable, Encodable, Sendable {
    package struct Column: Hashable, Encodable, Sendable {
        /// As asked for: "knn_20", "context.knn_20", "steps.loss@last".
        package let name: String
        /// "evaluation/target", "evaluation/context" or "steps".
        package let table: String
        package let column: String
        /// "init", "last", "tail", "median" or "gain"; see `MetricSelector.Reduction`.
        package let reduction: String
        /// Fractions that texts show in percent; JSON and CSV keep the fraction.
        package let isAccuracy: Bool

        /// How its values, or their differences, are written.
        func kind(isDifference: Bool = false) -> NumberFormat.Kind {
            NumberFormat.Kind(
                isAccuracy: isAccuracy,
                isDifference: isDifference || reduction == MetricSelector.Reduction.gain.rawValue)
        }

        /// The name with the unit: "knn_20 (%)", and above differences "knn_20 (points)".
        func heading(isDifference: Bool = false) -> String {
            name + (kind(isDifference: isDifference).unit.map { " (\($0))" } ?? "")
        }
    }

    package struct Cell: Hashable, Encodable, Sendable {
        /// Every finite value, in the order of the seeds; empty for a floor that has no seeds.
        package let values: [SeedValue]
        /// Over `values`; none where no run gave a number.
        package let statistics: SampleStatistics?
        /// Of value − baseline arm's value, over the seeds that both have.
        package let difference: SampleStatistics?
        /// What that difference is worth: intervals, tests, effect size.
        package let inference: Inference?
        /// How much the mean would change with other test images, seeds fixed; none without stored predictions.
        package let images: ImageUncertainty?
        /// The same of the mean difference, paired by image.
        package let differenceImages: ImageUncertainty?
        /// Highest mean of an accuracy column in which every arm has at least three seeds.
        package let isBest: Bool
    }

    /// Tests of one arm against the baseline in one column.
    package struct Inference: Hashable, Encodable, Sendable {
        package let paired: PairedComparison
        /// Holm's adjustment over the arms of the column.
        package let studentPHolm: Double?
        package let signFlipPHolm: Double?
    }

    package enum RowKind: String, Encodable, Sendable {
        case arm
        /// Step 0 of the arms: the same network before training.
        case initialisation
        case rawPixels = "raw_pixels"
    }

    package struct Row: Hashable, Encodable, Sendable {
        package let kind: RowKind
        /// The arm's name, or what the floor is in words.
        package let label: String
        package let isBaseline: Bool
        /// Runs of the matrix in this row; for initialisation its seeds; none for raw pixels.
        package let planned: Int?
        /// Those that are done.
        package let done: Int?
        package let collapse: CollapseMark?
        /// None where no run of the row holds one.
        package let verdict: VerdictMark?
        /// Numbers of the notes that belong to this row, counted from 1.
        package let notes: [Int]
        /// One for each column.
        package let cells: [Cell]
        /// Of an initialisation: the arms that start from it. Its label says it to readers.
        let startsArms: [String]
        /// Those of its notes that say why its verdict is what it is.
        let evidenceNotes: [Int]

        private enum CodingKeys: CodingKey {
            case kind, label, isBaseline, planned, done, collapse, verdict, notes, cells
        }
    }

    package let experiment: String
    package let question: String
    /// The arm that differences are taken from; empty where there is none.
    package let baseline: String
    /// "target" or "context": whose features plain metric names, collapse marks and claims mean.
    package let encoder: String
    package let columns: [Column]
    /// Arms in the order of the matrix, then the floors.
    package let rows: [Row]
    /// What is missing or conspicuous, and why: failed runs, numbers that are not finite, collapse.
    package let notes: [String]
    /// What each axis does in each column, where the matrix has more than one.
    package let effects: [FactorialEffects]
    /// Of the columns that are evaluated.
    package let curves: [LearningCurves]
    /// Of the accuracy columns.
    package let bestSteps: [BestSteps]
    /// On what the spec claims.
    package let verdicts: [ClaimVerdict]
    /// Of the papers, for orientation.
    package let published: [PublishedFigure]

    package var arms: [Row] { rows.filter { $0.kind == .arm } }
    package var floors: [Row] { rows.filter { $0.kind != .arm } }
}
