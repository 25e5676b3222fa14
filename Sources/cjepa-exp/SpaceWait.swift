import Safetensors

/// Holds a run where the disk is full, and lets it go on once there is space.
struct SpaceWait {
    /// Seconds until it is tried again; doubled each time, up to `longestSeconds`.
    var firstSeconds = 1.0
    var longestSeconds = 30.0
    /// So long a run is held before it ends, to be resumed.
    var limitSeconds = 1800.0
    /// Whether the run was asked to stop.
    var shouldStop: () -> Bool
    /// Told once, with the reason, when the run is held.
    var willWait: (FileWriteError) -> Void
    /// Told once it goes on.
    var didWait: () -> Void
    var now: () -> ContinuousClock.Instant = { ContinuousClock.now }
    /// Sleeps for so many seconds.
    var sleep: (Double) -> Void

    /// Runs `body` until it no longer fails for want of space.
    ///
    /// - Parameter body: Leaves everything as it was where it fails.
    /// - Throws: What `body` throws; `FileWriteError` where there was no space for too long or the run is to stop.
    func callAsFunction(_ body: () throws -> Void) throws {
        let start = now()
        var pause = firstSeconds
        var isWaiting = false
        while true {
            do {
                try body()
                if isWaiting { didWait() }
                return
            } catch let error as FileWriteError where error.isDiskFull {
                if !isWaiting {
                    isWaiting = true
                    willWait(error)
                }
                let next = now() + .seconds(pause)
                // In short naps, so that a request to stop is heard.
                while now() < next {
                    if shouldStop() || now() - start > .seconds(limitSeconds) { throw error }
                    sleep(min(0.1, pause))
                }
                pause = min(2 * pause, longestSeconds)
            }
        }
    }
}
