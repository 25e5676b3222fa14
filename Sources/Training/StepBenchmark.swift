package import ExperimentSpec
package import Kernels

/// Times steps of a configuration, and this machine's matrix products before and after them.
package struct StepBenchmark: Sendable {
    /// Compute threads.
    package var threads: Int
    /// Steps that are not counted, in which memory is planned and caches fill.
    package var warmupSteps: Int
    /// Steps that are timed; none: as many as fit into `seconds`, at least five.
    package var steps: Int?
    package var seconds: Double
    /// Batches are rendered while steps run, as training does.
    package var rendersEveryBatch: Bool

    package init(threads: Int, warmupSteps: Int, steps: Int?, seconds: Double, rendersEveryBatch: Bool) {
        self.threads = threads
        self.warmupSteps = warmupSteps
        self.steps = steps
        self.seconds = seconds
        self.rendersEveryBatch = rendersEveryBatch
    }

    package struct Result: Sendable {
        /// In the order in which they were taken.
        package let steps: [TrialStep]
        /// FLOP per second of matrix products on all threads, of short spells before and after the steps.
        package let productRates: [Double]
        /// What was counted in each of some steps after the timed ones; empty where nothing can be counted.
        package let counts: [Int]
        /// The process's most memory up to the last step; the products' own matrices are not in it.
        package let peakMemoryBytes: Int?
    }

    /// Products are timed in so many spells of that length, before and again after the steps.
    private static let productSpells = 5
    private static let productSpellSeconds = 0.1
    /// Steps whose allocations are counted, on one batch that stays in memory but with new masks each.
    private static let countedSteps = 5

    /// - Parameters:
    ///   - counter: None where nothing can be counted.
    ///   - peakMemory: Reads the process's most memory so far, where the system tells.
    /// - Throws: `MaskError`, `TrainingError` or `DatasetError` for a configuration that cannot take a step.
    package func run<Backend: KernelBackend>(
        _ configuration: RunConfiguration, on backend: Backend, counter: CallCounter?,
        peakMemory: () -> Int? = { nil }
    ) throws -> Result {
        var productRates: [Double] = []
        // The matrices are made for the spells and given back after them, so that the steps' memory is their own.
        func timeProducts() {
            let products = ProductRate(on: backend, threads: threads)
            for _ in 0..<Self.productSpells {
                productRates.append(products.measure(seconds: Self.productSpellSeconds))
            }
        }
        timeProducts()
        let trial = try TrialRun(configuration, on: backend, threads: threads, rendersEveryBatch: rendersEveryBatch)
        for _ in 0..<warmupSteps { _ = try trial.take() }
        var taken: [TrialStep] = []
        var elapsed = 0.0
        while taken.count < steps ?? 5 || (steps == nil && elapsed < seconds && taken.count < 10_000) {
            let step = try trial.take()
            elapsed += step.seconds
            taken.append(step)
        }
        let peakMemoryBytes = peakMemory()
        timeProducts()
        // With the loader at rest, whose threads are counted too.
        trial.keepBatch()
        var counts: [Int] = []
        for _ in 0..<Self.countedSteps {
            if let counted = try trial.take(counting: counter).counted { counts.append(counted) }
        }
        return Result(
            steps: taken, productRates: productRates, counts: counts, peakMemoryBytes: peakMemoryBytes)
    }
}
