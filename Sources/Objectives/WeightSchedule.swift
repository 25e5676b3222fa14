package import Declarations
import Foundation

/// The weight of a term over the steps of a run.
package struct WeightSchedule: Sendable, Hashable {
    package enum Form: String, SpecChoice, CaseIterable, Sendable {
        case constant
        /// From zero, linearly.
        case warmup
        /// To zero, by half a cosine.
        case cosine
    }

    package var form: Form
    /// The largest weight.
    package var weight: Double
    /// Share of all steps that a warm-up takes.
    package var warmup: Double

    package init(_ weight: Double, form: Form = .constant, warmup: Double = 0.1) {
        self.weight = weight
        self.form = form
        self.warmup = warmup
    }

    package init(_ settings: Settings) {
        self.init(settings["weight"], form: settings["weight_schedule"], warmup: settings["weight_warmup"])
    }

    /// The weight of a step.
    ///
    /// - Parameters:
    ///   - step: From 0.
    ///   - totalSteps: Of the run; 0 where there is none, as when a single batch is measured.
    package func value(at step: Int, of totalSteps: Int) -> Double {
        guard totalSteps > 0 else { return weight }
        let progress = Double(step) / Double(totalSteps)
        switch form {
        case .constant: return weight
        case .warmup: return progress >= warmup ? weight : weight * progress / warmup
        case .cosine: return weight * (1 + cos(.pi * min(1, progress))) / 2
        }
    }

    static let keys = [
        DeclaredKey(
            "weight_schedule", default: Form.constant,
            "The weight over the steps: constant; warmup: from 0 to the weight; cosine: from the weight to 0.",
            applies: { $0["weight", as: Double.self] > 0 }),
        DeclaredKey(
            "weight_warmup", default: 0.1, "Share of all steps that weight_schedule: warmup takes.",
            limits: .positiveShare,
            applies: { $0["weight", as: Double.self] > 0 && $0["weight_schedule", as: Form.self] == .warmup }),
    ]
}
