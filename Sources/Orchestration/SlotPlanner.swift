/// What runs may take together.
package struct Capacity: Hashable, Sendable {
    package var cores: Int
    package var memoryBytes: Int
    /// Runs at once; nil: as many as cores and memory allow.
    package var workers: Int?
    /// Compute threads of each run; nil: the cores that are free, shared out.
    package var threads: Int?
    /// Runs at once where `workers` is nil and that many fit: what was measured to be best; nil: as many as fit.
    package var preferredWorkers: Int?

    package init(cores: Int, memoryBytes: Int, workers: Int? = nil, threads: Int? = nil) {
        precondition(cores > 0, "cores is \(cores), but must be positive")
        self.cores = cores
        self.memoryBytes = memoryBytes
        self.workers = workers
        self.threads = threads
    }
}

/// What one run asks for.
package struct Demand: Hashable, Sendable {
    /// Predicted memory.
    package var memoryBytes: Int
    /// Compute threads; nil: whatever the planner gives.
    package var threads: Int?

    package init(memoryBytes: Int, threads: Int? = nil) {
        self.memoryBytes = memoryBytes
        self.threads = threads
    }
}

/// Decides how many waiting runs start now, and with how many threads each.
///
/// Runs start strictly in order. As many run at once as cores and memory allow, or as were measured to be best, and
/// share the cores; a run that is alone gets all of them. A run that is predicted to need more memory than
/// there is runs alone: a prediction is no reason to refuse it.
package struct SlotPlanner: Sendable {
    package let capacity: Capacity
    private var running: [Demand] = []

    package init(capacity: Capacity) {
        self.capacity = capacity
    }

    package var runningCount: Int { running.count }

    /// What a started run holds; give it back with `release`.
    package typealias Reservation = Demand

    /// Reserves slots for the first runs of `waiting` and returns what each got (`threads` is set); the rest waits.
    package mutating func start(_ waiting: [Demand]) -> [Reservation] {
        let mostWorkers = max(1, capacity.workers ?? capacity.preferredWorkers ?? capacity.cores)
        let freeCores = capacity.cores - running.reduce(0) { $0 + ($1.threads ?? 1) }
        var freeMemory = capacity.memoryBytes - running.reduce(0) { $0 + $1.memoryBytes }
        var fixedCores = 0
        var accepted: [Demand] = []
        for demand in waiting {
            let isAlone = running.isEmpty && accepted.isEmpty
            guard running.count + accepted.count < mostWorkers else { break }
            guard isAlone || demand.memoryBytes <= freeMemory else { break }
            let threads = demand.threads ?? capacity.threads
            let flexible = accepted.count { ($0.threads ?? capacity.threads) == nil }
            // More workers than cores only where the user asked for that many.
            let fits = fixedCores + flexible + (threads ?? 1) <= freeCores
            guard isAlone || fits || capacity.workers != nil else { break }
            accepted.append(demand)
            fixedCores += threads ?? 0
            freeMemory -= demand.memoryBytes
        }
        share(cores: freeCores - fixedCores, among: &accepted)
        running += accepted
        return accepted
    }

    package mutating func release(_ reservation: Reservation) {
        guard let index = running.firstIndex(of: reservation) else {
            preconditionFailure("released \(reservation), but \(running) are running")
        }
        running.remove(at: index)
    }

    /// Fills in the threads of runs that have no number of their own; the first ones get what does not divide.
    private func share(cores: Int, among demands: inout [Demand]) {
        var left = cores
        var sharers = demands.count { ($0.threads ?? capacity.threads) == nil }
        for index in demands.indices {
            if let threads = demands[index].threads ?? capacity.threads {
                demands[index].threads = threads
            } else {
                let threads = max(1, (left + sharers - 1) / sharers)
                demands[index].threads = threads
                left -= threads
                sharers -= 1
            }
        }
    }

    /// Seconds until all runs have ended, if run `i` takes `seconds[i]` alone on one thread.
    ///
    /// - Parameter speedup: How much faster a run is with so many threads; ideal unless it was measured.
    package static func predictedSeconds(
        _ demands: [Demand], seconds: [Double], capacity: Capacity, speedup: (_ threads: Int) -> Double = Double.init
    ) -> Double {
        precondition(demands.count == seconds.count, "\(demands.count) demands, but \(seconds.count) durations")
        var planner = SlotPlanner(capacity: capacity)
        var waiting = Array(demands.indices)
        var active: [(end: Double, reservation: Reservation)] = []
        var now = 0.0
        while !waiting.isEmpty || !active.isEmpty {
            let started = planner.start(waiting.map { demands[$0] })
            for (index, reservation) in zip(waiting, started) {
                let threads = min(reservation.threads ?? 1, capacity.cores)
                active.append((now + seconds[index] / speedup(threads), reservation))
            }
            waiting.removeFirst(started.count)
            guard let first = active.indices.min(by: { active[$0].end < active[$1].end }) else { break }
            let ended = active.remove(at: first)
            now = ended.end
            planner.release(ended.reservation)
        }
        return now
    }
}
