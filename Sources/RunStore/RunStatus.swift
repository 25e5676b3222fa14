/// How far a run has come; stored in its `state.json`.
package enum RunStatus: String, Codable, Sendable, CaseIterable {
    case planned
    case running
    /// Stopped with a checkpoint; `run` again goes on.
    case interrupted
    case failed
    /// Ended early because its features had collapsed (`diagnostics.stop_on_collapse`); its results stand.
    case collapsed
    case done

    /// Whether it came to its end and has results that stand; it is not run again.
    package var isFinished: Bool { self == .done || self == .collapsed }
}
