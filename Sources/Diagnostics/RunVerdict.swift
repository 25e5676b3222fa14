/// What was measured of a run so far: the input of its verdict.
package struct RunHistory: Sendable {
    /// The readings of one encoder at one step.
    package struct Encoder: Sendable {
        package var name: String
        package var images: FeatureReading
        package var patches: FeatureReading?
        package var within: FeatureReading?
        /// Of the evaluation at this step; none where there was none.
        package var accuracies: [FeatureAccuracy]

        package init(
            name: String, images: FeatureReading, patches: FeatureReading? = nil, within: FeatureReading? = nil,
            accuracies: [FeatureAccuracy] = []
        ) {
            self.name = name
            self.images = images
            self.patches = patches
            self.within = within
            self.accuracies = accuracies
        }
    }

    /// One diagnosis.
    package struct Diagnosis: Sendable {
        package var step: Int
        /// Target and context encoder.
        package var encoders: [Encoder]
        /// The prediction loss on test images, and the predictor's R² there; none where it was not measured.
        package var loss: Double?
        package var predictorR2: Double?
        package var predictorR2Position: Double?
        /// How far the encoders' weights have moved from the initial ones.
        package var targetMovement: Double?
        package var contextMovement: Double?

        package init(step: Int, encoders: [Encoder]) {
            self.step = step
            self.encoders = encoders
        }
    }

    /// Gradient norms over the context encoder at one training step.
    package struct Gradients: Sendable {
        package var step: Int
        package var prediction: Double
        /// NaN where there is no regulariser.
        package var regularizer: Double
        package var name: String

        /// - Parameter name: Of the regulariser.
        package init(step: Int, prediction: Double, regularizer: Double, name: String = "regulariser") {
            self.step = step
            self.prediction = prediction
            self.regularizer = regularizer
            self.name = name
        }
    }

    /// In the order of steps.
    package var diagnoses: [Diagnosis]
    package var gradients: [Gradients]

    package init(diagnoses: [Diagnosis], gradients: [Gradients] = []) {
        self.diagnoses = diagnoses
        self.gradients = gradients
    }
}

/// The verdict on a run, and how it came to it step by step.
///
/// What is found at a step depends on nothing later, so a verdict over a longer history repeats that of the shorter one.
package struct RunVerdict: Sendable, Hashable {
    /// What was found at one diagnosis.
    package struct Step: Sendable, Hashable {
        package let step: Int
        package let evidence: [Finding: [Evidence]]
    }

    /// A finding that holds at the last diagnosis.
    package struct Current: Sendable, Hashable {
        package let finding: Finding
        /// The first diagnosis from which on it has held at every one.
        package let onset: Int
        /// At the last diagnosis.
        package let evidence: [Evidence]
    }

    /// One for each diagnosis.
    package let steps: [Step]
    /// The gravest first; none: healthy.
    package let current: [Current]
    package let thresholds: VerdictThresholds

    package init(_ history: RunHistory, thresholds: VerdictThresholds) {
        var steps: [Step] = []
        var peaks: [String: (rankMe: Double, effectiveRank: Double)] = [:]
        var initial: [String: RunHistory.Encoder] = [:]
        var accuracies: [String: [FeatureAccuracy]] = [:]
        for (index, diagnosis) in history.diagnoses.enumerated() {
            var evidence: [Finding: [Evidence]] = [:]
            for encoder in diagnosis.encoders {
                let verdict = FeatureVerdict(
                    name: encoder.name, images: encoder.images, patches: encoder.patches, within: encoder.within,
                    peak: peaks[encoder.name], hasKnownScale: true, thresholds: thresholds)
                evidence.merge(verdict.evidence) { $0 + $1 }
                if diagnosis.step == 0 {
                    initial[encoder.name] = encoder
                } else if let initial = initial[encoder.name], encoder.images.isFinite {
                    // Diagnoses between evaluations go by the evaluation before.
                    if !encoder.accuracies.isEmpty { accuracies[encoder.name] = encoder.accuracies }
                    let fall = InitialisationFall(
                        rankMe: (initial.images.rankMe, encoder.images.rankMe),
                        effectiveRank: (initial.images.effectiveRank, encoder.images.effectiveRank),
                        before: initial.accuracies, after: accuracies[encoder.name] ?? [],
                        images: encoder.images.rows)
                    // What has collapsed completely has no rank worth the name.
                    if verdict.evidence[.completeCollapse] == nil {
                        evidence[.dimensionalCollapse, default: []] += fall.lostDirections(encoder.name, thresholds)
                    }
                    evidence[.belowInitialisation, default: []] += fall.lostAccuracy(encoder.name, thresholds)
                }
                guard encoder.images.isFinite else { continue }
                let peak = peaks[encoder.name] ?? (0, 0)
                peaks[encoder.name] = (
                    max(peak.rankMe, encoder.images.rankMe), max(peak.effectiveRank, encoder.images.effectiveRank)
                )
            }
            evidence[.predictorShortcut] = Self.shortcut(diagnosis, first: history.diagnoses[0], thresholds)
            evidence[.frozenTarget] = Self.frozenTarget(diagnosis, thresholds)
            evidence[.inertRegularizer] = Self.inertRegularizer(history, at: index, thresholds)
            steps.append(Step(step: diagnosis.step, evidence: evidence.filter { !$0.value.isEmpty }))
        }
        self.steps = steps
        self.thresholds = thresholds
        guard let last = steps.last else {
            current = []
            return
        }
        current = Finding.allCases.compactMap { finding in
            guard let evidence = last.evidence[finding] else { return nil }
            let stretch = steps.reversed().prefix { $0.evidence[finding] != nil }
            return Current(finding: finding, onset: stretch.last?.step ?? last.step, evidence: evidence)
        }
    }

    /// "healthy", "complete collapse, inert regulariser"; "not judged" before the first diagnosis.
    package var label: String {
        if steps.isEmpty { return "not judged" }
        return current.isEmpty ? "healthy" : current.map(\.finding.words).joined(separator: ", ")
    }

    // MARK: Findings of runs

    /// The loss fell, and the predictor knows no more than the mean target at each position.
    private static func shortcut(
        _ diagnosis: RunHistory.Diagnosis, first: RunHistory.Diagnosis, _ thresholds: VerdictThresholds
    ) -> [Evidence] {
        guard diagnosis.step > first.step, let loss = diagnosis.loss, let initial = first.loss,
            let skill = diagnosis.predictorR2Position, loss.isFinite, initial > 0
        else { return [] }
        // Targets that do not vary at all leave nothing to know.
        guard loss / initial <= thresholds.lossFall, skill.isNaN || skill < thresholds.skill else { return [] }
        var text = "predictor_r2 \(diagnosis.predictorR2.map(Evidence.short) ?? "–")"
        if let before = first.predictorR2 { text += " (\(Evidence.short(before)) at step \(first.step))" }
        return [
            Evidence(
                text: "loss/first \(Evidence.short(loss / initial)) ≤ \(Evidence.short(thresholds.lossFall))"),
            .below("predictor_r2_position", skill, thresholds.skill), Evidence(text: text),
        ]
    }

    private static func frozenTarget(
        _ diagnosis: RunHistory.Diagnosis, _ thresholds: VerdictThresholds
    ) -> [Evidence] {
        guard let target = diagnosis.targetMovement, let context = diagnosis.contextMovement, context > 0,
            target / context < thresholds.movement
        else { return [] }
        return [
            .below("target_movement/context_movement", target / context, thresholds.movement),
            Evidence(text: "context_movement \(Evidence.short(context))"),
        ]
    }

    /// The median over the steps since the diagnosis before; over all steps where there are none since.
    private static func inertRegularizer(
        _ history: RunHistory, at index: Int, _ thresholds: VerdictThresholds
    ) -> [Evidence] {
        let until = history.diagnoses[index].step
        let since = index > 0 ? history.diagnoses[index - 1].step : -1
        let known = history.gradients.filter { $0.step <= until && !$0.regularizer.isNaN && $0.prediction > 0 }
        return Set(known.map(\.name)).sorted().compactMap { name in
            let own = known.filter { $0.name == name }
            let recent = own.filter { $0.step > since }
            let ratios = (recent.isEmpty ? own : recent).map { $0.regularizer / $0.prediction }.sorted()
            let median = (ratios[(ratios.count - 1) / 2] + ratios[ratios.count / 2]) / 2
            guard median < thresholds.gradient else { return nil }
            return .below("\(name)'s/prediction's gradient norm, encoder", median, thresholds.gradient)
        }
    }
}
