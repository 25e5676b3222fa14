/// Decides when a checkpoint is due: at multiples of so many steps, and after so many minutes.
///
/// Minutes are those of a clock that only ever runs forward; setting the computer's clock changes nothing.
struct CheckpointSchedule {
    private let steps: Int?
    private let interval: Duration
    private var last: ContinuousClock.Instant

    /// - Parameters:
    ///   - steps: None: minutes alone count.
    ///   - now: The first interval begins here.
    init(steps: Int?, minutes: Double, now: ContinuousClock.Instant) {
        precondition(steps ?? 1 > 0, "a checkpoint every \(steps ?? 0) steps")
        self.steps = steps
        interval = .seconds(minutes * 60)
        last = now
    }

    func isDue(afterStep step: Int, now: ContinuousClock.Instant) -> Bool {
        steps.map { step.isMultiple(of: $0) } == true || now - last >= interval
    }

    mutating func made(at now: ContinuousClock.Instant) { last = now }
}
