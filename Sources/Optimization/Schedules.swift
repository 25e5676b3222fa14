#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Linear warm-up, then half a cosine (I-JEPA's `WarmupCosineSchedule`).
///
/// The schedule advances before the step that uses it: step 0 already sees one increment of the warm-up. Past its end
/// every schedule stays where it ended.
package struct LearningRateSchedule: Sendable, Hashable {
    package var start: Double
    package var peak: Double
    package var end: Double
    package var warmupSteps: Int
    /// Steps of the whole schedule, `ipe_scale` included.
    package var totalSteps: Int

    package init(start: Double, peak: Double, end: Double, warmupSteps: Int, totalSteps: Int) {
        self.start = start
        self.peak = peak
        self.end = end
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// - Parameter step: From 0.
    package func value(at step: Int) -> Double {
        let advanced = step + 1
        if advanced < warmupSteps {
            return start + Double(advanced) / Double(warmupSteps) * (peak - start)
        }
        let progress = min(1, Double(advanced - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
        return max(end, cosine(from: peak, to: end, progress: progress))
    }
}

/// Weight decay from start to end; advances before the step that uses it.
package struct WeightDecaySchedule: Sendable, Hashable {
    package enum Form: Sendable, Hashable {
        /// The public I-JEPA code.
        case cosine
        /// The C-JEPA paper.
        case linear
    }

    package var form: Form
    package var start: Double
    package var end: Double
    package var totalSteps: Int

    package init(form: Form, start: Double, end: Double, totalSteps: Int) {
        self.form = form
        self.start = start
        self.end = end
        self.totalSteps = totalSteps
    }

    package func value(at step: Int) -> Double {
        let progress = min(1, Double(step + 1) / Double(totalSteps))
        switch form {
        case .cosine:
            let value = cosine(from: start, to: end, progress: progress)
            return start <= end ? min(value, end) : max(value, end)
        case .linear:
            return start + (end - start) * progress
        }
    }
}

/// Momentum of the target encoder; step 0 sees the start.
package struct MomentumSchedule: Sendable, Hashable {
    package enum Form: String, CaseIterable, Sendable {
        case linear
        case cosine
        case constant
    }

    package var form: Form
    package var start: Double
    package var end: Double
    package var totalSteps: Int

    package init(form: Form, start: Double, end: Double, totalSteps: Int) {
        self.form = form
        self.start = start
        self.end = end
        self.totalSteps = totalSteps
    }

    package func value(at step: Int) -> Double {
        let progress = min(1, Double(step) / Double(totalSteps))
        switch form {
        case .constant: return start
        case .linear: return start + (end - start) * progress
        case .cosine: return cosine(from: start, to: end, progress: progress)
        }
    }
}

private func cosine(from start: Double, to end: Double, progress: Double) -> Double {
    end + (start - end) * 0.5 * (1 + cos(Double.pi * progress))
}
