package import Declarations

/// Where targets come from: how the target encoder gets its parameters, and whether gradients reach it.
///
/// A type that conforms, in one file, and its name in `TargetEncoderRules.standard` are all that a new rule takes. Its
/// keys are those of the group `target_encoder`.
package protocol TargetEncoderRule: DeclaredOption {
    init(_ settings: Settings)

    /// Whether the target encoder has parameters of its own, which begin as a copy of the context encoder's. If not, it is
    /// the context encoder.
    var hasOwnParameters: Bool { get }
    /// Whether gradients go through the targets into the context encoder; only without parameters of its own.
    var hasGradient: Bool { get }

    /// After a step, target ← momentum · target + (1 − momentum) · context encoder. Nil: the parameters stay. Without
    /// parameters of its own nothing is updated.
    ///
    /// - Parameters:
    ///   - step: From 0.
    ///   - totalSteps: Those that schedules are computed for, `schedule.stretch` included.
    func momentum(at step: Int, of totalSteps: Int) -> Double?

    /// The number of the column `momentum`. By default the share of the old target encoder that is kept.
    func recordedMomentum(at step: Int, of totalSteps: Int) -> Double
}

extension TargetEncoderRule {
    package var hasGradient: Bool { false }

    package func recordedMomentum(at step: Int, of totalSteps: Int) -> Double {
        hasOwnParameters ? momentum(at: step, of: totalSteps) ?? 1 : 0
    }

    /// With every key at its default.
    package init() { self.init(Settings(Self.keys)) }
}
