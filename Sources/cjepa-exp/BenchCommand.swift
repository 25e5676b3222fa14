import ArgumentParser
import CAllocations
import CPUKernels
import ExperimentSpec
import Orchestration
import RunStore
import Training

/// `cjepa-exp bench`: how fast training steps are here, and how far that is from what the machine can do.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time training steps on noise, and compare them with this machine's limit.",
        discussion: """
            Steps are real training steps: images are cropped meanwhile, and each step draws new masks. The limit \
            is the rate of large matrix products in the same precision, measured before and after. FLOPs are those that \
            the public I-JEPA code would do. Without a spec, the options describe the network; with one, they override \
            its settings.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: ArgumentHelp("Compute threads. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Steps to time. (default: as many as fit into --seconds, at least 5)"))
    var steps: Int?

    @Option(help: "Seconds for which steps are timed.")
    var seconds = 20.0

    @Option(help: "Warm-up steps before the timed ones.")
    var warmup = 3

    @Flag(inversion: .prefixedNo, help: "Crop new images for every step, as training does.")
    var loader = true

    @Flag(help: "Print JSON on standard output.")
    var json = false

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        try OptionBounds.check(steps, "--steps", in: OptionBounds.repetitions)
        try OptionBounds.check(warmup, "--warmup", in: 0...OptionBounds.repetitions.upperBound)
        try OptionBounds.check(seconds: seconds, "--seconds")
    }

    func run() throws {
        let configuration = try options.configuration()
        let threads = threads ?? Machine.cores
        let backend = CPUBackend(for: configuration)
        let benchmark = StepBenchmark(
            threads: threads, warmupSteps: warmup, steps: steps, seconds: seconds, rendersEveryBatch: loader)
        let result = try benchmark.run(
            configuration, on: backend, counter: allocationCounter(), peakMemory: { Machine.peakMemoryBytes })
        let report = BenchReport(
            configuration, result, backEnd: backend.summary, threads: threads, warmupSteps: warmup,
            warnings: warnings(configuration, threads: threads))
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }

    private func warnings(_ configuration: RunConfiguration, threads: Int) -> [String] {
        var warnings = kernelWarnings()
        let shards = min(configuration.resources.shards, configuration.training.batchSize)
        if threads > shards {
            warnings.append("\(threads) threads share \(counted(shards, "shard")), so some are idle: raise --shards")
        }
        if threads > Machine.cores { warnings.append("\(threads) threads share \(counted(Machine.cores, "core"))") }
        return warnings
    }
}

/// Counts calls of malloc and its relatives, on all threads; nil where they cannot be counted.
func allocationCounter() -> CallCounter? {
    guard callocations_can_count() != 0 else { return nil }
    return CallCounter(start: { callocations_start() }, stop: { Int(callocations_stop()) })
}
