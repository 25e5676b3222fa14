import Evaluation
import Objectives
package import Diagnostics
package import ExperimentSpec
package import RunStore

extension RunHistory {
    /// What the stored tables say.
    ///
    /// - Parameter table: A table by its name, "diagnostics/target/images"; none where it is not stored.
    package init(_ table: (String) -> MetricTable?) {
        let encoders = ["target", "context"]
        let views = ["images", "patches", "within"]
        var tables: [String: MetricTable] = [:]
        for name in encoders.flatMap({ encoder in views.map { "\(encoder)/\($0)" } }) + ["encoders", "predictor"] {
            tables[name] = table("diagnostics/\(name)")
        }
        let evaluations = Dictionary(
            uniqueKeysWithValues: encoders.compactMap { encoder in
                table("evaluation/\(encoder)").map { (encoder, $0) }
            })
        let steps = tables["target/images"]?["step"] ?? []
        /// The column's value at a step; tables need not have the same rows.
        func value(_ table: String, _ column: String, at step: Double) -> Double? {
            guard let table = tables[table], let row = table["step"]?.lastIndex(of: step) else { return nil }
            return table[column]?[row]
        }
        self.init(
            diagnoses: steps.map { step in
                func reading(_ table: String) -> FeatureReading? {
                    FeatureReading { value(table, $0, at: step) }
                }
                var diagnosis = Diagnosis(
                    step: Int(step),
                    encoders: encoders.compactMap { encoder in
                        reading("\(encoder)/images").map {
                            Encoder(
                                name: encoder, images: $0, patches: reading("\(encoder)/patches"),
                                within: reading("\(encoder)/within"),
                                accuracies: evaluations[encoder].map { Self.accuracies($0, at: step) } ?? [])
                        }
                    })
                diagnosis.loss = value("predictor", "loss", at: step)
                diagnosis.predictorR2 = value("predictor", "predictor_r2", at: step)
                diagnosis.predictorR2Position = value("predictor", "predictor_r2_position", at: step)
                diagnosis.targetMovement = value("encoders", "target_movement", at: step)
                diagnosis.contextMovement = value("encoders", "context_movement", at: step)
                return diagnosis
            }, gradients: Self.gradients(table("gradients")))
    }

    /// The accuracies that stand for the tasks; those that were not measured are left out.
    private static func accuracies(_ table: MetricTable, at step: Double) -> [FeatureAccuracy] {
        guard let row = table["step"]?.lastIndex(of: step) else { return [] }
        return MetricConvention.representatives(among: table.columns).filter(\.isAccuracy).compactMap { metric in
            table[metric.name].flatMap { $0[row].isFinite ? FeatureAccuracy(metric.name, $0[row]) : nil }
        }
    }

    private static func gradients(_ table: MetricTable?) -> [Gradients] {
        guard let table, let steps = table["step"], let prediction = table["prediction_encoder"] else { return [] }
        return Catalogue.current.regularizers.flatMap { type -> [Gradients] in
            let declaration = type.declaration
            guard let norms = table["\(declaration.gradientName)_encoder"] else { return [] }
            let isFirst = declaration.gradientName != declaration.name
            let name = isFirst ? declaration.gradientName : declaration.title
            return steps.indices.map {
                Gradients(step: Int(steps[$0]), prediction: prediction[$0], regularizer: norms[$0], name: name)
            }
        }
    }
}

extension StoredVerdict {
    /// - Returns: None before the first diagnosis.
    package init?(_ verdict: RunVerdict) {
        guard let last = verdict.steps.last else { return nil }
        self.init(
            verdict: verdict.label, step: last.step,
            findings: verdict.current.map { current in
                Finding(
                    name: current.finding.rawValue, onsetStep: current.onset,
                    evidence: current.evidence.map(\.text).joined(separator: ", "))
            },
            thresholds: Dictionary(uniqueKeysWithValues: verdict.thresholds.all.map { ($0.name, $0.value) }))
    }

    /// Every finding that there can be, by the name of its column.
    package static let knownFindings = Diagnostics.Finding.allCases.map(\.rawValue)
}

extension VerdictThresholds {
    package init(_ configuration: DiagnosticsConfiguration) {
        self.init(
            rankShare: configuration.collapseRankShare, standardDeviation: configuration.collapseStandardDeviation)
    }
}
