import Declarations
import Objectives

/// A rule that the program does not have: the target encoder is a copy of the context encoder, made every few steps.
struct CopiedTarget: TargetEncoderRule {
    static let name = "copied"
    static let summary = "a copy of the context encoder, made every few steps"
    static let keys = [
        DeclaredKey(
            "every", default: 100, "Steps between copies.", limits: .between(1, 1_000_000), synonyms: "tau_steps")
    ]

    let every: Int
    let hasOwnParameters = true

    init(_ settings: Settings) { every = settings["every"] }

    func momentum(at step: Int, of totalSteps: Int) -> Double? { (step + 1).isMultiple(of: every) ? 0 : nil }
}
