import Analysis
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
            Data that is not there is named, and the costs are worked out without it.
            """)

    @OptionGroup var options: SpecOptions

    @Flag(inversion: .prefixedNo, help: "Time a few training steps, to predict how long the runs take.")
    var calibration = true

    @Option(help: "Where the runs would train; with slurm, runs too large for this machine only cause a warning.")
    var launcher = Launcher.local

    func run() async throws {
        let (experiment, context) = try await options.loadExperiment(toleratesMissingData: true)
        let costs = { (configuration: RunConfiguration) throws -> CostEstimate in
            experiment.lacksData(of: configuration) ? declaredCost(configuration) : try predictedCost(configuration)
        }
        for problem in experiment.missingData.flatMap(\.problems) {
            Console.note("warning: the data is not there: \(ErrorReport(problem).line)")
        }
        let folder = ExperimentFolder(results: options.results, experiment: experiment.name)
        let capacity = options.capacity(for: experiment)
        let prepared = folder.decisions(
            for: experiment, liveness: await .asking(about: folder), context: context, activity: Console.activity)
        let remarks = RemarkPrinter()
        for case .damaged(let reason) in prepared.map(\.decision) { remarks.add(.damaged(reason)) }
        remarks.print()
        let starting = prepared.filter(\.decision.willRun)
        let limits = ResourceLimits.ofMachine(for: experiment, results: folder)
        let fit = FitCheck(
            try starting.map { (run: $0, cost: try costs($0.run.configuration)) }, limits: limits,
            place: experiment.specPath, folder: folder)
        switch launcher {
        case .local: try fit.require()
        case .slurm: for problem in fit.problems { Console.note("warning: \(problem.path): \(problem.message)") }
        }
        // A step of what does not fit cannot be tried.
        let calibration = calibration && fit.fitsMemory
        Console.begin("timing training steps to choose how many runs train at once")
        let schedule = calibration ? measuredSchedule(of: starting, capacity: capacity) : nil
        let predictor = RunPredictor(
            capacity: capacity, runs: starting.count, schedule: schedule,
            absentData: Set(experiment.missingData.map(\.data)))
        let floors = starting.isEmpty ? [] : missingFloors(of: experiment, in: folder)
        let configurations = Set(prepared.map(\.run.configurationHash)).count
        Console.begin(
            "timing training steps of \(counted(configurations, "configuration"))", of: configurations)
        var report = try PlanReport(
            experiment: experiment, prepared: prepared, capacity: capacity, schedule: schedule,
            disk: (fit.diskBytes, limits.freeDiskBytes)
        ) { configuration in
            defer { Console.activity.advance() }
            let cost = try costs(configuration)
            let seconds = calibration ? try predictor.seconds(configuration, cost: cost) : nil
            return PlanReport.Cost(
                parameters: cost.parameters, flopsPerStep: cost.flopsPerStep, steps: cost.steps,
                memoryBytes: cost.memoryBytes, diskBytes: cost.diskBytes, seconds: seconds)
        } floorsSeconds: {
            floors.compactMap(predictor.floorsSeconds)
        }
        report.power = ClaimPower.all(of: experiment, folder: folder.path).map {
            PlanPower(
                claim: $0.claim, seeds: $0.seeds, standardDeviation: $0.standardDeviation, source: $0.source,
                smallestDetectable: $0.smallest, chance: $0.chance, seedsNeeded: $0.seedsNeeded)
        }
        print(options.json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }
}
