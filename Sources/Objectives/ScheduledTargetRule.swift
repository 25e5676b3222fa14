package import Declarations
import Optimization

/// A rule that has the keys of a momentum and its schedule.
///
/// Only a moving average is changed by them. The other first rules list them too, since their values are in the hashes of
/// their runs, and record the momentum of the schedule, as their results always did. A new rule need do neither.
package protocol ScheduledTargetRule: TargetEncoderRule {
    var schedule: ScheduledMomentum { get }
}

extension ScheduledTargetRule {
    package static var keys: [DeclaredKey] { ScheduledMomentum.keys }

    package func recordedMomentum(at step: Int, of totalSteps: Int) -> Double {
        schedule.value(at: step, of: totalSteps)
    }
}

/// A momentum that changes over the steps.
package struct ScheduledMomentum: Sendable, Hashable {
    package static let keys = [
        DeclaredKey(
            "momentum", default: [0.996, 1.0], "EMA momentum at the first and at the last step.", limits: .share,
            count: 2...2, synonyms: "ema ema_momentum ema_decay ema_rate ema_coefficient tau teacher_momentum",
            isIdentityAtDefault: true),
        DeclaredKey(
            "momentum_schedule", default: MomentumSchedule.Form.linear,
            "How momentum goes from the first to the last value; constant keeps the first.", synonyms: "ema_schedule",
            isIdentityAtDefault: true),
    ]

    /// At the first and at the last step.
    private let ends: [Double]
    private let form: MomentumSchedule.Form

    package init(_ settings: Settings) {
        ends = settings["momentum"]
        form = settings["momentum_schedule"]
    }

    package func value(at step: Int, of totalSteps: Int) -> Double {
        MomentumSchedule(form: form, start: ends[0], end: ends[1], totalSteps: totalSteps).value(at: step)
    }
}

extension MomentumSchedule.Form: SpecChoice {}
