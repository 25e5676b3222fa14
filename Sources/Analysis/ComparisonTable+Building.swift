package import ExperimentSpec
import RunStore
import Statistics

extension ComparisonTable {
    /// Seeds that an arm needs before anything in its column may be called best.
    static let seedsForBest = 3

    /// Compares runs that are in memory.
    ///
    /// - Parameters:
    ///   - arms: Every arm, in the order of rows.
    ///   - runs: Every run of the matrix, also those that failed or never started.
    ///   - floors: Raw-pixel floors, one for each data set.
    ///   - metrics: The columns, resolved.
    ///   - encoder: "target" or "context": whose features are judged for collapse.
    ///   - remarks: Notes that belong to no arm.
    ///   - factors: The axes of the matrix.
    ///   - verdicts: On the spec's claims.
    package init(
        experiment: String, question: String, baseline: String, arms: [String], runs: [RunOutcome],
        floors: [PixelFloor], metrics: [MetricSelector], encoder: String, remarks: [String] = [],
        factors: [Factor] = [], verdicts: [ClaimVerdict] = []
    ) {
        self.experiment = experiment
        self.question = question
        self.baseline = baseline
        self.encoder = encoder
        columns = metrics.map {
            Column(
                name: $0.name, table: $0.table, column: $0.column, reduction: $0.reduction.rawValue,
                isAccuracy: $0.isAccuracy)
        }
        let runsOfArm = Dictionary(grouping: runs, by: \.arm).mapValues { $0.sorted { $0.seed < $1.seed } }
        let values = arms.map { arm in
            metrics.map { metric in (runsOfArm[arm] ?? []).compactMap { $0.finiteValue(of: metric) } }
        }
        let best = Self.best(in: values, metrics: metrics)
        let reference = arms.firstIndex(of: baseline)
        let inferences = Self.inferences(values, reference: reference)
        let images = ImageUncertainties(runsOfArm, arms: arms, baseline: baseline, metrics: metrics)
        let healthy = HealthyArms(runs.filter(\.isFinished), encoder: encoder)
        var notes: [String] = []
        var rows: [Row] = []
        for (index, arm) in arms.enumerated() {
            let armRuns = runsOfArm[arm] ?? []
            let collapse = CollapseMark(armRuns.filter(\.isFinished), encoder: encoder, healthy: healthy)
            let verdict = VerdictMark(armRuns.filter(\.isFinished), collapse: collapse)
            let first = notes.count + 1
            notes += Self.notes(on: armRuns, arm: arm, metrics: metrics)
            let firstEvidence = notes.count + 1
            notes += Self.evidence(arm: arm, collapse: collapse, verdict: verdict)
            let cells = metrics.indices.map { column in
                let own = values[index][column]
                let difference =
                    reference.flatMap { reference in
                        reference == index ? nil : SampleStatistics.ofDifferences(own, from: values[reference][column])
                    }
                return Cell(
                    values: own, statistics: SampleStatistics(own.map(\.value)), difference: difference,
                    inference: inferences[column][index], images: images.ofArms[column][index],
                    differenceImages: images.ofDifferences[column][index], isBest: best[column].contains(index))
            }
            rows.append(
                Row(
                    kind: .arm, label: arm, isBaseline: index == reference, planned: armRuns.count,
                    done: armRuns.count(where: \.isFinished), collapse: collapse, verdict: verdict,
                    notes: Array(first..<notes.count + 1),
                    cells: cells, startsArms: [], evidenceNotes: Array(firstEvidence..<notes.count + 1)))
        }
        if !baseline.isEmpty, reference.map({ runsOfArm[arms[$0]]?.contains(where: \.isFinished) ?? false }) != true {
            notes.append("The baseline arm \(baseline) has no finished run, so there are no differences.")
        }
        rows += Self.initialisationRows(runs, arms: arms, metrics: metrics)
        rows += Self.pixelRows(floors, metrics: metrics)
        self.rows = rows
        self.notes = notes + remarks + Self.skippedNotes(runs) + Self.imageNotes(images, metrics: metrics)
        let done = runs.filter { $0.status == .done }
        effects = FactorialEffects.all(of: done, factors: factors, baseline: baseline, metrics: metrics)
        curves = LearningCurves.all(of: done, arms: arms, metrics: metrics)
        bestSteps = BestSteps.all(of: done, arms: arms, metrics: metrics)
        self.verdicts = verdicts
        published = PublishedFigure.all
    }

    /// What the differences of each column and arm are worth, with Holm's adjustment over the arms of a column.
    private static func inferences(_ values: [[[SeedValue]]], reference: Int?) -> [[Inference?]] {
        let columns = values.first?.count ?? 0
        guard let reference else {
            return Array(repeating: Array(repeating: nil, count: values.count), count: columns)
        }
        return (0..<columns).map { column in
            let paired = values.indices.map { arm in
                arm == reference
                    ? nil
                    : PairedComparison(SeedValue.differences(values[arm][column], from: values[reference][column]))
            }
            let student = PairedTest.holm(paired.map { $0?.studentP })
            let signFlip = PairedTest.holm(paired.map { $0?.signFlipP })
            return paired.indices.map { arm in
                paired[arm].map {
                    Inference(paired: $0, studentPHolm: student[arm], signFlipPHolm: signFlip[arm])
                }
            }
        }
    }

    private static func imageNotes(_ images: ImageUncertainties, metrics: [MetricSelector]) -> [String] {
        images.armsOnOtherImages.map {
            "\($0) was scored on different test images from the baseline, so there is no difference over images."
        }
    }

    /// Which arms have the highest mean of each accuracy column; none where an arm has too few seeds to say so.
    private static func best(in values: [[[SeedValue]]], metrics: [MetricSelector]) -> [Set<Int>] {
        metrics.indices.map { column in
            guard metrics[column].isAccuracy, metrics[column].reduction != .initial else { return [] }
            let present = values.indices.filter { !values[$0][column].isEmpty }
            guard present.count > 1, present.allSatisfy({ values[$0][column].count >= seedsForBest }) else { return [] }
            let means = present.compactMap { index in
                SampleStatistics(values[index][column].map(\.value)).map { (index, $0.mean) }
            }
            let highest = means.map(\.1).max()
            return Set(means.filter { $0.1 == highest }.map(\.0))
        }
    }

    private static func notes(on runs: [RunOutcome], arm: String, metrics: [MetricSelector]) -> [String] {
        var notes: [String] = []
        for run in runs where run.status != .done {
            let state = run.status?.rawValue ?? (run.reason == nil ? "not started" : "unreadable")
            notes.append("\(arm), seed \(run.seed): \(state)\(run.reason.map { " – \($0)" } ?? "").")
        }
        for run in runs where run.isFinished {
            let broken = metrics.filter { run.value(of: $0)?.isMeasurable == false }.map(\.name)
            guard !broken.isEmpty else { continue }
            notes.append("\(arm), seed \(run.seed): not finite and left out: \(broken.joined(separator: ", ")).")
        }
        let waits = runs.filter(\.isFinished).compactMap { run in
            LoaderWait(
                waits: run.tables["steps"]?["loader_wait_seconds"], steps: run.tables["steps"]?["step_seconds"])
        }
        if let worst = waits.filter(\.isWorthAWord).max(by: { $0.share < $1.share }) {
            notes.append(
                "\(arm): steps waited up to \(LoaderWait.text(worst.share)) of their time for images. "
                    + "\(LoaderWait.advice).")
        }
        return notes
    }

    private static func evidence(arm: String, collapse: CollapseMark?, verdict: VerdictMark?) -> [String] {
        if let verdict { return verdict.explanations.map { "\(arm), \($0)." } }
        guard let collapse, collapse.markedCount > 0 else { return [] }
        return ["\(arm): \(collapse.label) – \(collapse.explanation)."]
    }

    /// One row for each network that the arms start from; the arms that share it also share its weights of a seed.
    private static func initialisationRows(
        _ runs: [RunOutcome], arms: [String], metrics: [MetricSelector]
    ) -> [Row] {
        let done = runs.filter(\.isFinished)
        let groups = Dictionary(grouping: done, by: \.network).values
            .map { group in (runs: group, arms: arms.filter { arm in group.contains { $0.arm == arm } }) }
            .sorted { (arms.firstIndex(of: $0.arms[0]) ?? 0) < (arms.firstIndex(of: $1.arms[0]) ?? 0) }
        return groups.compactMap { group in
            let cells = metrics.map { metric -> Cell in
                let initial = metric.atInitialisation
                let bySeed = Dictionary(
                    grouping: initial.map { initial in group.runs.compactMap { $0.finiteValue(of: initial) } } ?? [],
                    by: \.seed)
                let values = bySeed.compactMap { seed, values in
                    SampleStatistics(values.map(\.value)).map { SeedValue(seed: seed, value: $0.mean) }
                }.sorted { $0.seed < $1.seed }
                return Cell(
                    floor: values, statistics: SampleStatistics(values.map(\.value)))
            }
            guard cells.contains(where: { $0.statistics != nil }) else { return nil }
            let seeds = Set(group.runs.map(\.seed)).count
            let label =
                groups.count == 1 ? "at initialisation" : "at initialisation: \(group.arms.joined(separator: ", "))"
            return Row(
                kind: .initialisation, label: label, isBaseline: false, planned: seeds, done: seeds, collapse: nil,
                verdict: nil, notes: [], cells: cells, startsArms: group.arms, evidenceNotes: [])
        }
    }

    /// One note for each number of images that runs left out.
    private static func skippedNotes(_ runs: [RunOutcome]) -> [String] {
        let affected = runs.filter { $0.skippedImages != nil }
        return Dictionary(grouping: affected) { $0.skippedImages?.count ?? 0 }.sorted { $0.key < $1.key }
            .compactMap { count, some in
                guard let list = some.compactMap({ $0.skippedImages?.list }).min() else { return nil }
                let who = some.count == runs.count ? "every run" : counted(some.count, "run")
                return
                    "\(counted(count, "image")) could not be read and \(count == 1 ? "was" : "were") left out of \(who) "
                    + "(data.on_unreadable: skip); listed in \(list)."
            }
    }

    /// What tells one floor from another.
    private static func label(of floor: PixelFloor) -> String {
        "raw pixels: \(floor.dataset)" + (floor.trainImages.map { ", \(counted($0, "training image"))" } ?? "")
    }

    private static func pixelRows(_ floors: [PixelFloor], metrics: [MetricSelector]) -> [Row] {
        floors.compactMap { floor in
            let cells = metrics.map { metric in
                let value = metric.pixelFloorKey.flatMap { floor.metrics[$0] }.flatMap { $0.isMeasurable ? $0 : nil }
                return Cell(
                    floor: [], statistics: value.flatMap { SampleStatistics([$0]) })
            }
            guard cells.contains(where: { $0.statistics != nil }) else { return nil }
            return Row(
                kind: .rawPixels, label: floors.count == 1 ? "raw pixels" : label(of: floor), isBaseline: false,
                planned: nil, done: nil, collapse: nil, verdict: nil, notes: [], cells: cells, startsArms: [],
                evidenceNotes: [])
        }
    }
}

extension ComparisonTable.Cell {
    /// Of a floor: nothing is compared with it.
    fileprivate init(floor values: [SeedValue], statistics: SampleStatistics?) {
        self.init(
            values: values, statistics: statistics, difference: nil, inference: nil, images: nil,
            differenceImages: nil, isBest: false)
    }
}

extension RunOutcome {
    /// The value where it is there and measurable; failed runs hold none.
    func finiteValue(of metric: MetricSelector) -> SeedValue? {
        guard isFinished, let value = value(of: metric), value.isMeasurable else { return nil }
        return SeedValue(seed: seed, value: value)
    }
}

extension MetricSelector {
    /// The same column before training; none for training series, which have no such row, and for gains.
    fileprivate var atInitialisation: MetricSelector? {
        guard table.hasPrefix("evaluation/"), reduction != .gain else { return nil }
        return MetricSelector(name: name, table: table, column: column, reduction: .initial)
    }
}
