import CPUKernels
import Datasets
import ExperimentSpec
import Orchestration
import Training

/// Predicts how long runs take, from a rehearsal of each configuration with as many side by side as will run at once.
final class RunPredictor {
    private let capacity: Capacity
    private let schedule: ScheduleChoice?
    /// Runs that will start.
    private let runs: Int
    /// Data that is not there: the time that reading it takes is left out.
    private let absentData: Set<DataIdentity>
    private var dataSeconds: [DataIdentity: Double] = [:]
    private var known: [RunConfiguration: (cost: CostEstimate, pace: RunPace, threads: Int)] = [:]

    /// A worker's start and the end of its files, without reading data; 0.15 to 0.3 s where it was measured.
    private static let processSeconds = 0.2

    /// - Parameters:
    ///   - runs: How many will start.
    ///   - schedule: What was measured of running several at once; nil: as many as fit.
    init(capacity: Capacity, runs: Int, schedule: ScheduleChoice?, absentData: Set<DataIdentity> = []) {
        self.absentData = absentData
        var capacity = capacity
        capacity.preferredWorkers = schedule?.chosen.workers
        self.capacity = capacity
        self.schedule = schedule
        self.runs = max(1, runs)
    }

    /// Seconds of one run in the schedule, times what its threads gain there: what it would take alone on one thread.
    ///
    /// - Throws: `TrainingError`, `MaskError` or `DatasetError` for a configuration that cannot take a step.
    func seconds(_ configuration: RunConfiguration, cost: CostEstimate) throws -> Double {
        let (slots, threads) = share(configuration, cost)
        var pace = try RunRehearsal.measure(
            configuration, cost: cost, on: CPUBackend(for: configuration), slots: slots, threads: threads, seconds: 1)
        pace.start = Self.processSeconds + (try seconds(ofReadingDataOf: configuration))
        known[configuration] = (cost, pace, threads)
        return cost.seconds(pace) * speedup(threads)
    }

    /// The same of the floors of a rehearsed run's data; nil for others.
    func floorsSeconds(_ configuration: RunConfiguration) -> Double? {
        known[configuration].map { $0.cost.floorsSeconds($0.pace) * speedup($0.threads) }
    }

    private func speedup(_ threads: Int) -> Double { schedule?.speedup(threads: threads) ?? Double(threads) }

    private func seconds(ofReadingDataOf configuration: RunConfiguration) throws -> Double {
        let data = configuration.dataIdentity
        if absentData.contains(data) { return 0 }
        if let known = dataSeconds[data] { return known }
        let duration = try ContinuousClock().measure { _ = try DatasetSplits.load(configuration) }
        dataSeconds[data] = duration / .seconds(1)
        return duration / .seconds(1)
    }

    /// How many runs like this one start at once, and the threads of each.
    private func share(_ configuration: RunConfiguration, _ cost: CostEstimate) -> (slots: Int, threads: Int) {
        let demand = Demand(memoryBytes: cost.memoryBytes, threads: configuration.resources.threads)
        var planner = SlotPlanner(capacity: capacity)
        let started = planner.start(Array(repeating: demand, count: runs))
        return (max(1, started.count), min(started.first?.threads ?? 1, capacity.cores))
    }
}
