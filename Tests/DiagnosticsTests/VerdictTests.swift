import Diagnostics
import TensorCore
import Testing

/// Features built to be each of the findings, and near misses of them.
@Suite struct FeatureVerdictTests {
    private static let thresholds = VerdictThresholds()
    private static let (rows, columns) = (400, 24)

    /// Normal features whose column j has standard deviation `scale(j)`, around `mean`.
    private static func features(mean: Double = 0, seed: UInt64 = 1, scale: (Int) -> Double) -> FeatureMatrix {
        var stream = RandomStream(seed: seed, purpose: .tests)
        let scales = (0..<columns).map(scale)
        var values: [Float] = []
        for _ in 0..<rows { for j in 0..<columns { values.append(Float(mean + scales[j] * stream.normal())) } }
        return FeatureMatrix(rows: rows, columns: columns, values: values)
    }

    private func verdict(_ features: FeatureMatrix, hasKnownScale: Bool = true) -> FeatureVerdict {
        FeatureVerdict(
            name: "target", images: FeatureReading(FeatureDiagnostics(features)), hasKnownScale: hasKnownScale,
            thresholds: Self.thresholds)
    }

    @Test(
        "golden matrices",
        arguments: [
            ("healthy", [Finding]()), ("lowrank", [.dimensionalCollapse]), ("collapsed", [.completeCollapse]),
        ])
    func golden(name: String, findings: [Finding]) throws {
        let features = try #require(try GoldenDiagnostics().matrices[name])
        for hasKnownScale in [true, false] {
            let verdict = verdict(features, hasKnownScale: hasKnownScale)
            #expect(verdict.findings == findings, "\(verdict)")
        }
    }

    @Test("the centred ranks of a complete collapse are high, and do not hide it")
    func collapsedRanksLookHigh() throws {
        let features = try #require(try GoldenDiagnostics().matrices["collapsed"])
        let diagnostics = FeatureDiagnostics(features)
        #expect((diagnostics["effective_rank"] ?? 0) > 0.9 * 24)
        #expect(diagnostics["live_directions"] == 1)
        #expect(verdict(features, hasKnownScale: false).findings == [.completeCollapse])
    }

    @Test("features that vary in every direction are healthy, whatever their units", arguments: [1e-6, 1, 1e6])
    func healthyAtAnyScale(unit: Double) {
        #expect(verdict(Self.features { _ in unit }, hasKnownScale: false).isHealthy)
    }

    @Test("a std below the threshold is a collapse where the scale is known; just above it is none")
    func scale() {
        #expect(verdict(Self.features { _ in 0.018 }).findings == [.completeCollapse])
        #expect(verdict(Self.features { _ in 0.022 }).isHealthy)
    }

    @Test(
        "rows that all point one way are a collapse at any length; a mean twenty times the std is none",
        arguments: [
            (100.0, true), (20, false),
        ])
    func oneWay(mean: Double, collapsed: Bool) {
        let found = verdict(Self.features(mean: mean) { _ in 1 }, hasKnownScale: false).findings
        #expect(found.contains(.completeCollapse) == collapsed, "\(found)")
    }

    @Test(
        "one direction is a complete collapse, three of 24 a dimensional one, twelve none",
        arguments: [
            (1, [Finding.completeCollapse]), (3, [.dimensionalCollapse]), (12, []),
        ])
    func directions(count: Int, findings: [Finding]) {
        let found = verdict(Self.features { $0 < count ? 1 : 1e-4 })
        #expect(found.findings == findings, "\(found)")
    }

    @Test("a spectrum that decays as 1/j is healthy")
    func powerLaw() {
        let found = verdict(Self.features { 1 / Double($0 + 1) })
        #expect(found.isHealthy, "\(found)")
    }

    @Test("a NaN is non-finite and nothing else", arguments: [Float.nan, .infinity])
    func nonFinite(value: Float) {
        var values = Self.features { _ in 1 }.values
        values[7] = value
        let found = verdict(FeatureMatrix(rows: Self.rows, columns: Self.columns, values: values))
        #expect(found.findings == [.nonFinite])
    }

    @Test("too few rows are non-finite, zeros and constants collapsed, one dimension judged by its scale alone")
    func edges() {
        let matrix = { (rows: Int, columns: Int, value: Float) in
            FeatureMatrix(rows: rows, columns: columns, values: Array(repeating: value, count: rows * columns))
        }
        #expect(verdict(matrix(1, 4, 1)).findings == [.nonFinite])
        #expect(verdict(matrix(0, 4, 1)).findings == [.nonFinite])
        #expect(verdict(matrix(9, 4, 0)).findings == [.completeCollapse])
        #expect(verdict(matrix(9, 4, 3)).findings == [.completeCollapse])
        #expect(verdict(normalMatrix(rows: 60, columns: 1, seed: 4)).isHealthy)
        #expect(verdict(normalMatrix(rows: 60, columns: 2, seed: 4)).isHealthy)
        #expect(verdict(normalMatrix(rows: 60, columns: 3, seed: 4)).isHealthy)
    }

    // MARK: Patches

    /// Images of 16 patches: an image part of std 1 and a patch part of std `within` along `directions` dimensions.
    private func patchVerdict(within: Double, directions: Int, between: Double = 1) -> FeatureVerdict {
        var stream = RandomStream(seed: 5, purpose: .tests)
        let (images, patches, columns) = (120, 16, 24)
        var tokens: [Float] = []
        for _ in 0..<images {
            let image = (0..<columns).map { _ in between * stream.normal() }
            for _ in 0..<patches {
                for j in 0..<columns {
                    tokens.append(Float(image[j] + (j < directions ? within : 1e-6) * stream.normal()))
                }
            }
        }
        let pooled = FeatureMatrix.pooled(tokens, images: images, patches: patches, columns: columns)
        let choice = PatchChoice(images: images, patchesPerImage: patches, rows: 1000, seed: 2)
        let features = PatchFeatures(tokens, pooled: pooled, choice: choice)
        let reading = { (matrix: FeatureMatrix) in FeatureReading(FeatureDiagnostics(matrix)) }
        return FeatureVerdict(
            name: "target", images: reading(pooled), patches: reading(features.patches),
            within: reading(features.residuals), hasKnownScale: true, thresholds: Self.thresholds)
    }

    @Test("patches of an image that are all alike, or differ in one direction, are a patch-only collapse")
    func patchCollapse() {
        #expect(patchVerdict(within: 0.01, directions: 24).findings == [.patchCollapse])
        #expect(patchVerdict(within: 1, directions: 1).findings == [.patchCollapse])
    }

    @Test("patches that differ little, or in a few directions, are none")
    func nearPatchCollapse() {
        #expect(patchVerdict(within: 0.05, directions: 24).isHealthy)
        #expect(patchVerdict(within: 1, directions: 4).isHealthy)
    }

    @Test("where images are all alike too, the collapse is complete and not one of patches")
    func everythingGone() {
        let found = patchVerdict(within: 0.001, directions: 24, between: 0.001)
        #expect(found.findings == [.completeCollapse], "\(found)")
    }
}

@Suite struct RunVerdictTests {
    private static func reading(rank: Double = 30, effectiveRank: Double? = nil, std: Double = 0.4) -> FeatureReading {
        let values = [
            "rows": 1000, "width": 96, "rankme": rank, "effective_rank": effectiveRank ?? rank, "live_directions": 0.9,
            "std_mean": std, "normalised_std_mean": std / 96.0.squareRoot(),
        ]
        return FeatureReading { values[$0] }!
    }

    /// A history that is healthy where `change` does not say otherwise: five diagnoses 100 steps apart.
    private static func verdict(
        gradients: [RunHistory.Gradients] = [], _ change: (Int, inout RunHistory.Diagnosis) -> Void = { _, _ in }
    ) -> RunVerdict {
        let diagnoses = (0..<5).map { index in
            var diagnosis = RunHistory.Diagnosis(
                step: 100 * index,
                encoders: ["target", "context"].map { .init(name: $0, images: reading()) })
            diagnosis.loss = 0.5 / Double(index + 1)
            (diagnosis.predictorR2, diagnosis.predictorR2Position) = (Double(index) * 0.2 - 0.4, Double(index) * 0.15)
            diagnosis.contextMovement = 0.1 * Double(index)
            diagnosis.targetMovement = 0.05 * Double(index)
            change(index, &diagnosis)
            return diagnosis
        }
        return RunVerdict(RunHistory(diagnoses: diagnoses, gradients: gradients), thresholds: VerdictThresholds())
    }

    @Test func aRunWithoutFindingsIsHealthy() {
        let verdict = Self.verdict()
        #expect(verdict.label == "healthy" && verdict.current.isEmpty && verdict.steps.count == 5, "\(verdict.current)")
        #expect(RunVerdict(RunHistory(diagnoses: []), thresholds: VerdictThresholds()).label == "not judged")
    }

    @Test("a complete collapse is found with its onset, evidence and threshold")
    func completeCollapse() throws {
        let verdict = Self.verdict { index, diagnosis in
            if index >= 2 { diagnosis.encoders[0].images = Self.reading(rank: 1.4, std: 0.015) }
        }
        let found = try #require(verdict.current.first)
        #expect(verdict.current.count == 1 && found.finding == .completeCollapse && found.onset == 200)
        #expect(found.evidence.map(\.text).contains("target: rankme 1.4 < 2"))
        #expect(found.evidence.map(\.text).contains("target: std_mean 0.015 < 0.02"))
        #expect(verdict.steps.map { $0.evidence.keys.contains(.completeCollapse) } == [false, false, true, true, true])
        #expect(verdict.label == "complete collapse")
    }

    @Test("a finding that went away is in the steps and not in the verdict; the onset is that of the last stretch")
    func recovery() {
        let recovered = Self.verdict { index, diagnosis in
            if index == 2 { diagnosis.encoders[1].images = Self.reading(rank: 1.4) }
        }
        #expect(recovered.label == "healthy" && recovered.steps[2].evidence[.completeCollapse] != nil)
        let again = Self.verdict { index, diagnosis in
            if index == 1 || index >= 3 { diagnosis.encoders[1].images = Self.reading(rank: 1.4) }
        }
        #expect(again.current.map(\.onset) == [300])
    }

    @Test("a rank that falls by more than half while the scale stands is a dimensional collapse")
    func dimensionalCollapse() {
        let fallen = Self.verdict { index, diagnosis in
            if index >= 3 { diagnosis.encoders[0].images = Self.reading(rank: 14) }
        }
        #expect(fallen.current.map(\.finding) == [.dimensionalCollapse] && fallen.current[0].onset == 300)
        let low = Self.verdict { index, diagnosis in
            diagnosis.encoders[0].images = Self.reading(rank: 4.5)
        }
        #expect(low.current.map(\.finding) == [.dimensionalCollapse] && low.current[0].onset == 0)
    }

    @Test("a rank that falls less, or only because the mean grew, is none")
    func nearDimensionalCollapse() {
        #expect(
            Self.verdict { index, diagnosis in
                if index >= 3 { diagnosis.encoders[0].images = Self.reading(rank: 16) }
            }.label == "healthy")
        #expect(
            Self.verdict { index, diagnosis in
                if index >= 3 { diagnosis.encoders[0].images = Self.reading(rank: 14, effectiveRank: 28) }
            }.label == "healthy")
    }

    /// The accuracies of an evaluation of both encoders.
    private static func accuracies(_ knn: Double, _ linear: Double) -> [FeatureAccuracy] {
        [FeatureAccuracy("knn_20", knn), FeatureAccuracy("linear", linear)]
    }

    @Test(
        "a rank below half of that at initialisation with an accuracy below it is a dimensional collapse",
        arguments: [
            // RankMe, centred rank, kNN and linear after 0.30 and 0.42 at initialisation with ranks of 30.
            (14.0, 28.0, 0.29, 0.45, true), (28, 14, 0.31, 0.41, true), (16, 16, 0.25, 0.38, false),
            (14, 28, 0.31, 0.43, false),
        ])
    func fallFromInitialisation(rank: Double, centred: Double, knn: Double, linear: Double, collapses: Bool) {
        let verdict = Self.verdict { index, diagnosis in
            diagnosis.encoders[0].accuracies =
                index == 0 ? Self.accuracies(0.3, 0.42) : index == 3 ? Self.accuracies(knn, linear) : []
            if index >= 3 { diagnosis.encoders[0].images = Self.reading(rank: rank, effectiveRank: centred) }
        }
        let found = verdict.current.filter { $0.finding == .dimensionalCollapse }
        #expect(found.map(\.onset) == (collapses ? [300] : []), "\(verdict.current)")
        #expect(collapses == found.contains { $0.evidence.contains { $0.text.hasSuffix("at initialisation") } })
    }

    @Test(
        "accuracies below those at initialisation by more than test images explain are a finding",
        arguments: [
            // Of 1,000 images: two standard errors of the difference are 4.0 points for 0.30 and 4.4 for 0.42.
            (0.25, 0.41, true), (0.29, 0.37, true), (0.27, 0.39, false), (0.2, 0.43, false), (0.31, 0.35, false),
        ])
    func belowInitialisation(knn: Double, linear: Double, isBelow: Bool) {
        let verdict = Self.verdict { index, diagnosis in
            diagnosis.encoders[1].accuracies = index == 0 ? Self.accuracies(0.3, 0.42) : Self.accuracies(knn, linear)
        }
        #expect(verdict.current.map(\.finding) == (isBelow ? [.belowInitialisation] : []), "\(verdict.current)")
        if isBelow { #expect(verdict.current[0].onset == 100 && verdict.label == "below initialisation") }
    }

    @Test("runs without accuracies, or without an initialisation, are judged by the rest")
    func nothingToFallFrom() {
        let late = Self.verdict { index, diagnosis in
            if index > 0 { diagnosis.encoders[0].accuracies = Self.accuracies(0.1, 0.1) }
        }
        #expect(late.label == "healthy")
    }

    @Test("a loss that falls while the predictor knows no more than the mean is a shortcut")
    func shortcut() throws {
        let verdict = Self.verdict { index, diagnosis in diagnosis.predictorR2Position = index == 0 ? -2 : 0.01 }
        #expect(verdict.current.map(\.finding) == [.predictorShortcut])
        #expect(verdict.current[0].onset == 100)
        let undefined = Self.verdict { index, diagnosis in
            if index > 0 { diagnosis.predictorR2Position = .nan }
        }
        #expect(undefined.current.map(\.finding) == [.predictorShortcut])
    }

    @Test(
        "a predictor built to say the mean of each position is a shortcut; one that sees a little of the image is none",
        arguments: [
            (0.0, true), (0.1, false),
        ])
    func builtShortcut(knowledge: Double, isShortcut: Bool) {
        var stream = RandomStream(seed: 9, purpose: .tests)
        let (images, positions, columns) = (80, 9, 8)
        let means = (0..<positions * columns).map { _ in stream.normal() }
        var skill = PredictorSkill(columns: columns, positions: positions)
        for _ in 0..<images {
            let images = means.map { _ in stream.normal() }
            skill.add(
                predictions: zip(means, images).map { Float($0 + knowledge * $1) },
                targets: zip(means, images).map { Float($0 + $1) }, positions: (0..<Int32(positions)).map { $0 })
        }
        // Half of the targets is in the means; of 72 of them about as much.
        #expect(skill.r2 > 0.3)
        let verdict = Self.verdict { index, diagnosis in
            if index > 0 { (diagnosis.predictorR2, diagnosis.predictorR2Position) = (skill.r2, skill.r2Position) }
        }
        #expect(verdict.current.map(\.finding) == (isShortcut ? [.predictorShortcut] : []), "\(skill.r2Position)")
    }

    @Test("a loss that does not fall, or a predictor that knows a little, is none")
    func nearShortcut() {
        #expect(
            Self.verdict { index, diagnosis in
                diagnosis.loss = 0.5 - 0.02 * Double(index)
                diagnosis.predictorR2Position = 0.01
            }.label == "healthy")
        #expect(
            Self.verdict { index, diagnosis in diagnosis.predictorR2Position = index == 0 ? -2 : 0.06 }.label
                == "healthy")
    }

    @Test("a target that stays where it was while the context moves is frozen; a slow one is not")
    func frozenTarget() {
        let frozen = Self.verdict { _, diagnosis in diagnosis.targetMovement = 0 }
        #expect(frozen.current.map(\.finding) == [.frozenTarget] && frozen.current[0].onset == 100)
        let slow = Self.verdict { index, diagnosis in diagnosis.targetMovement = 0.0003 * Double(index) }
        #expect(slow.label == "healthy")
        // Nothing has moved yet at the start, nor does it where nothing is learned.
        let still = Self.verdict { _, diagnosis in (diagnosis.targetMovement, diagnosis.contextMovement) = (0, 0) }
        #expect(still.label == "healthy")
    }

    @Test(
        "a regulariser whose gradient is under one percent of the prediction's is inert",
        arguments: [
            (0.009, true), (0.011, false), (0, true),
        ])
    func inertRegularizer(ratio: Double, isInert: Bool) {
        let gradients = (1...8).map { RunHistory.Gradients(step: 50 * $0, prediction: 2, regularizer: 2 * ratio) }
        let verdict = Self.verdict(gradients: gradients)
        #expect(verdict.current.map(\.finding) == (isInert ? [.inertRegularizer] : []))
        if isInert { #expect(verdict.current[0].onset == 100) }
    }

    @Test("without a regulariser nothing is inert, and one odd step among many changes nothing")
    func nearInert() {
        let none = (1...8).map { RunHistory.Gradients(step: 50 * $0, prediction: 2, regularizer: .nan) }
        #expect(Self.verdict(gradients: none).label == "healthy")
        let odd = (1...40).map { RunHistory.Gradients(step: 10 * $0, prediction: 2, regularizer: $0 % 5 == 0 ? 0 : 1) }
        #expect(Self.verdict(gradients: odd).label == "healthy")
    }

    @Test("several findings stand side by side, the gravest first, and a NaN is the gravest")
    func several() {
        let gradients = (1...8).map { RunHistory.Gradients(step: 50 * $0, prediction: 2, regularizer: 0) }
        let verdict = Self.verdict(gradients: gradients) { index, diagnosis in
            if index == 4 { diagnosis.encoders[0].images = Self.reading(rank: .nan) }
            if index >= 3 { diagnosis.encoders[1].images = Self.reading(rank: 1.2) }
        }
        #expect(verdict.current.map(\.finding) == [.nonFinite, .completeCollapse, .inertRegularizer])
        #expect(verdict.current.map(\.onset) == [400, 300, 100])
        #expect(verdict.label == "non-finite, complete collapse, inert regulariser")
    }
}
