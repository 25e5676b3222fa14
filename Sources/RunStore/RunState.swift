package import Foundation

/// How a run stands: `state.json`.
package struct RunState: Codable, Sendable, Equatable {
    package var status: RunStatus
    /// Steps done.
    package var step: Int
    package var totalSteps: Int
    /// How often a worker was started.
    package var attempts: Int
    /// The worker's process, while it runs.
    package var pid: Int32?
    package var host: String
    /// Of the first attempt.
    package var startedAt: Date
    package var updatedAt: Date
    package var endedAt: Date?
    /// "completed", "signal SIGINT", "non-finite loss at step 12".
    package var exitReason: String?
    /// The error's text, where it failed.
    package var message: String?
    /// What kind of trouble it was, where it failed or stopped for one.
    package var failure: FailureKind?
    /// The latest of each: "knn_20", "loss".
    package var metrics: [String: Double]
    /// "healthy", "complete collapse", as of the last diagnosis; none before the first.
    package var verdict: String?
    /// Share of the latest steps' time that was spent waiting for images, while it runs.
    package var loaderWaitShare: Double?

    package init(
        status: RunStatus, step: Int = 0, totalSteps: Int, attempts: Int = 0, pid: Int32? = nil, host: String,
        startedAt: Date, updatedAt: Date, endedAt: Date? = nil, exitReason: String? = nil, message: String? = nil,
        failure: FailureKind? = nil, metrics: [String: Double] = [:]
    ) {
        self.status = status
        self.step = step
        self.totalSteps = totalSteps
        self.attempts = attempts
        self.pid = pid
        self.host = host
        self.startedAt = startedAt
        self.updatedAt = updatedAt
        self.endedAt = endedAt
        self.exitReason = exitReason
        self.message = message
        self.failure = failure
        self.metrics = metrics
    }
}
