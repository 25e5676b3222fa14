import ArgumentParser
import ExperimentSpec
import Orchestration
import RunStore
import Training

/// `cjepa-exp plan`: what `run` would do, and what it costs.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show the runs of a spec, whether they will run and why, and their cost.",
        discussion: """
            Time is predicted from a few timed steps of each arm on this machine; --no-calibration skips this.
            Nothing is written.
            """)

    @OptionGroup var options: SpecOptions

    @Flag(inversion: .prefixedNo, help: "Time a few training steps, to predict how long the runs take.")
    var calibration = true

    func run() async throws {
        let (experiment, context) = try await options.loadExperiment()
        let folder = ExperimentFolder(results: options.results, experiment: experiment.name)
        let capacity = options.capacity(for: experiment)
        let prepared = folder.decisions(
            for: experiment, liveness: await .asking(about: folder), context: context)
        let remarks = RemarkPrinter()
        for case .damaged(let reason) in prepared.map(\.decision) { remarks.add(.damaged(reason)) }
        remarks.print()
        let starting = prepared.filter(\.decision.willRun)
        let schedule = calibration ? measuredSchedule(of: starting, capacity: capacity) : nil
        let predictor = RunPredictor(capacity: capacity, runs: starting.count, schedule: schedule)
        let floors = starting.isEmpty ? [] : missingFloors(of: experiment, in: folder)
        let report = try PlanReport(
            experiment: experiment, prepared: prepared, capacity: capacity, schedule: schedule
        ) { configuration in
            let cost = CostEstimate(configuration, trainImages: try trainingImageCount(configuration.data))
            let seconds = calibration ? try predictor.seconds(configuration, cost: cost) : nil
            return PlanReport.Cost(
                parameters: cost.parameters, flopsPerStep: cost.flopsPerStep, steps: cost.steps,
                memoryBytes: cost.memoryBytes, diskBytes: cost.diskBytes, seconds: seconds)
        } floorsSeconds: {
            floors.compactMap(predictor.floorsSeconds)
        }
        print(options.json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }
}
