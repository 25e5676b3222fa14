import CPUKernels
import ExperimentSpec
import Foundation
import Orchestration
import Training

/// Measures on this machine whether runs go better side by side or one after the other with all cores, on noise and on
/// the run with the most work; the others are taken to behave like it.
///
/// No result depends on the answer: only how long it takes.
///
/// - Parameters:
///   - starting: Runs that will start.
///   - leastSeconds: Nothing is measured where all of them together take less than about this.
/// - Returns: Nil where there is nothing to choose or to gain, or a step cannot be taken; the worker tells why.
func measuredSchedule(
    of starting: [PreparedRun], capacity: Capacity, leastSeconds: Double = 0
) -> ScheduleChoice? {
    let costs = starting.map(\.run.cost)
    let demands = zip(starting, costs).map { item, cost in
        Demand(memoryBytes: cost.memoryBytes, threads: item.run.configuration.resources.threads)
    }
    let candidates = ScheduleChoice.candidates(demands, capacity: capacity)
    let flops = costs.map(\.totalFlops)
    guard !candidates.isEmpty, let heaviest = flops.indices.max(by: { flops[$0] < flops[$1] }),
        flops.reduce(0, +) > leastSeconds * Double(capacity.cores) * plainFlopsPerSecond
    else { return nil }
    let run = starting[heaviest].run
    do {
        let layouts = [(workers: 1, threads: 1)] + candidates
        var best = layouts.map { _ in 0.0 }
        // Twice, in turns: what else the machine does seldom disturbs both.
        for _ in 0..<2 {
            for (index, layout) in layouts.enumerated() {
                let rate = try StepCalibration.imagesPerSecond(
                    run.configuration, on: { CPUBackend(for: run.configuration) }, runs: layout.workers,
                    threads: layout.threads,
                    seconds: 0.4)
                best[index] = max(best[index], rate)
            }
        }
        let flopsPerImage = costs[heaviest].flopsPerStep / Double(run.configuration.training.batchSize)
        return ScheduleChoice(
            measuredOn: run.name, aloneImagesPerSecond: best[0], demands: demands,
            work: flops.map { $0 / flopsPerImage }, capacity: capacity,
            measured: zip(candidates, best.dropFirst()).map { ($0.workers, $0.threads, $1) })
    } catch {
        return nil
    }
}

/// What a core does at least of a small network's step; only to tell minutes from seconds.
private let plainFlopsPerSecond = 2e10
