/// How far a run has come; stored in its `state.json`.
package enum RunStatus: String, Codable, Sendable, CaseIterable {
    case planned
    case running
    /// Stopped with a checkpoint; `run` again goes on.
    case interrupted
    case failed
    case done
}
