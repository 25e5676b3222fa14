import Orchestration
import Synchronization

/// Tells whoever started a worker how far reading all images of a data set is.
final class ScanProgress: Sendable {
    private struct State {
        var action = ""
        var done = 0
        var told = ContinuousClock.now
    }

    /// Between two lines at least: they end up in a log too.
    private static let interval = Duration.seconds(5)

    private let output: WorkerOutput
    private let state = Mutex(State())

    init(_ output: WorkerOutput) { self.output = output }

    /// As the progress of `ModelInput`.
    @Sendable func report(_ action: String, _ done: Int, _ all: Int) {
        // Under the lock, so that lines come one after another.
        state.withLock { state in
            if done == 0 {
                state = State(action: action)
                output.send(.phase(name: action))
                return
            }
            state.done += done
            let now = ContinuousClock.now
            guard now - state.told >= Self.interval, all > 0 else { return }
            state.told = now
            output.send(.phase(name: "\(state.action), \(100 * min(state.done, all) / all) %"))
        }
    }
}
