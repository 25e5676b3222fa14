/// The parts of a training step whose time is told apart.
package enum StepPhase: Int, CaseIterable, Sendable {
    /// Waiting for images, drawing masks, and bringing both to the shards.
    case load
    case targetForward
    case contextForward
    case predictorForward
    /// Prediction loss and regulariser with their gradients.
    case loss
    case predictorBackward
    /// Of the context encoder, and of the target encoder where gradients reach it.
    case encoderBackward
    /// Sum and norm of the gradients, AdamW, moving average.
    case update

    /// "target_forward", as in results.
    package var name: String {
        switch self {
        case .load: "load"
        case .targetForward: "target_forward"
        case .contextForward: "context_forward"
        case .predictorForward: "predictor_forward"
        case .loss: "loss"
        case .predictorBackward: "predictor_backward"
        case .encoderBackward: "encoder_backward"
        case .update: "update"
        }
    }
}

/// Seconds of a step by phase, in eight lanes, so that keeping them allocates nothing.
///
/// What is summed is the critical path. Shards run side by side and meet twice, after the forward and after the backward
/// pass; of each of the two passes the phases are those of the thread that was busy longest, over all of its shards.
/// Regulariser and update, in which threads share every piece of work, count as they take. The rest of the
/// step's time is waiting: threads that wake, and the clock itself.
package struct PhaseSeconds: Sendable, Hashable {
    private var lanes = SIMD8<Double>()

    package init() {}

    package subscript(phase: StepPhase) -> Double {
        get { lanes[phase.rawValue] }
        set { lanes[phase.rawValue] = newValue }
    }

    package var total: Double { lanes.sum() }

    package static func += (total: inout PhaseSeconds, part: PhaseSeconds) { total.lanes += part.lanes }

    /// The phases of the thread that was busy longest.
    ///
    /// - Parameters:
    ///   - threads: Threads that shared out the pieces.
    ///   - count: Pieces of work.
    ///   - thread: Which thread did piece i, from 0.
    ///   - piece: What piece i took.
    package static func critical(
        threads: Int, _ count: Int, thread: (Int) -> Int, _ piece: (Int) -> PhaseSeconds
    ) -> PhaseSeconds {
        var longest = PhaseSeconds()
        for candidate in 0..<threads {
            var own = PhaseSeconds()
            for index in 0..<count where thread(index) == candidate { own += piece(index) }
            if own.total > longest.total { longest = own }
        }
        return longest
    }
}

/// A clock whose readings give the time since the last one to a phase: eight readings in each shard's step.
struct PhaseStopwatch {
    private var last = ContinuousClock.now
    private(set) var seconds = PhaseSeconds()

    mutating func lap(_ phase: StepPhase) {
        let now = ContinuousClock.now
        seconds[phase] += (now - last) / .seconds(1)
        last = now
    }
}
