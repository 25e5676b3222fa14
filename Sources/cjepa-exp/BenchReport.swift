import CPUKernels
import Declarations
import ExperimentSpec
import Foundation
import Orchestration
import Training

/// What `bench` measured.
struct BenchReport: Encodable {
    /// Of some numbers; quartiles lie between neighbours where they fall between them.
    struct Spread: Encodable {
        let median: Double
        let minimum: Double
        let lowerQuartile: Double
        let upperQuartile: Double
        let maximum: Double

        /// - Precondition: There is a number.
        init(_ values: [Double]) {
            let sorted = values.sorted()
            func quantile(_ share: Double) -> Double {
                let place = share * Double(sorted.count - 1)
                let below = sorted[Int(place)]
                let above = sorted[min(Int(place) + 1, sorted.count - 1)]
                return below + (place - place.rounded(.down)) * (above - below)
            }
            (minimum, lowerQuartile, median) = (quantile(0), quantile(0.25), quantile(0.5))
            (upperQuartile, maximum) = (quantile(0.75), quantile(1))
        }
    }

    struct Step: Encodable {
        let seconds: Double
        let contextPatches: Int
        let targetPatches: Int
        let flops: Double
    }

    /// A preset's name, or "custom".
    let model: String
    let width: Int
    let depth: Int
    let heads: Int
    /// Absent where its kind has none.
    let predictorWidth: Int?
    let predictorDepth: Int?
    let imageSize: Int
    let patchSize: Int
    let channels: Int
    let batchSize: Int
    let encoderParameters: Int
    let predictorParameters: Int

    let precision: String
    let backEnd: String
    let openblasCoreType: String
    let processor: String
    let cores: Int
    let threads: Int
    let shards: Int
    let warnings: [String]

    let warmupSteps: Int
    /// Medians over the steps.
    let imagesPerSecond: Double
    let secondsPerStep: Double
    let gigaflopsPerSecond: Double
    let imagesPerSecondSpread: Spread
    let secondsPerStepSpread: Spread
    let gigaflopsPerSecondSpread: Spread
    /// Mean over the steps.
    let flopsPerImage: Double
    let contextPatches: Double
    let targetPatches: Double
    /// Of matrix products on all threads: median of short spells before and after the steps.
    let gemmGigaflopsPerSecond: Double
    let gemmGigaflopsPerSecondSpread: Spread
    /// Of the steps' rate in it.
    let gemmShare: Double
    /// Median of each phase; "other": of what a step takes beyond its phases.
    let phaseSeconds: [String: Double]
    let peakMemoryBytes: Int?
    /// Calls of malloc and its relatives in a step, median; absent where they cannot be counted.
    let allocationsPerStep: Int?
    let steps: [Step]

    init(
        _ configuration: RunConfiguration, _ result: StepBenchmark.Result, backEnd: String, threads: Int,
        warmupSteps: Int, warnings: [String]
    ) {
        let (network, batch) = (configuration.model, configuration.training.batchSize)
        let cost = CostEstimate(configuration)
        model = network.preset.rawValue
        (width, depth, heads) = (network.width, network.depth, network.heads)
        predictorWidth = Self.predictorSize("width", configuration)
        predictorDepth = Self.predictorSize("depth", configuration)
        (imageSize, patchSize, channels) = (network.imageSize, network.patchSize, network.channels)
        batchSize = batch
        (encoderParameters, predictorParameters) = (cost.encoderParameters, cost.predictorParameters)
        precision = configuration.training.precision.rawValue
        self.backEnd = backEnd
        openblasCoreType = OpenBLASRuntime.coreName()
        processor = Provenance.processorName()
        cores = Machine.cores
        self.threads = threads
        shards = min(configuration.resources.shards, batch)
        self.warnings = warnings
        self.warmupSteps = warmupSteps

        let taken = result.steps
        secondsPerStepSpread = Spread(taken.map(\.seconds))
        imagesPerSecondSpread = Spread(taken.map { Double(batch) / $0.seconds })
        gigaflopsPerSecondSpread = Spread(taken.map { $0.flops / $0.seconds / 1e9 })
        gemmGigaflopsPerSecondSpread = Spread(result.productRates.map { $0 / 1e9 })
        secondsPerStep = secondsPerStepSpread.median
        imagesPerSecond = imagesPerSecondSpread.median
        gigaflopsPerSecond = gigaflopsPerSecondSpread.median
        gemmGigaflopsPerSecond = gemmGigaflopsPerSecondSpread.median
        gemmShare = gigaflopsPerSecond / gemmGigaflopsPerSecond
        func mean(_ value: (TrialStep) -> Double) -> Double {
            taken.reduce(0) { $0 + value($1) } / Double(taken.count)
        }
        flopsPerImage = mean { $0.flops / Double(batch) }
        contextPatches = mean { Double($0.contextPatches) }
        targetPatches = mean { Double($0.targetPatches) }
        var phases: [String: Double] = [:]
        for phase in StepPhase.allCases { phases[phase.name] = Spread(taken.map { $0.phases[phase] }).median }
        phases["other"] = Spread(taken.map { $0.seconds - $0.phases.total }).median
        phaseSeconds = phases
        peakMemoryBytes = result.peakMemoryBytes
        allocationsPerStep =
            result.counts.isEmpty ? nil : Int(Spread(result.counts.map { Double($0) }).median.rounded())
        steps = taken.map {
            Step(
                seconds: $0.seconds, contextPatches: $0.contextPatches, targetPatches: $0.targetPatches,
                flops: $0.flops)
        }
    }
}

extension BenchReport {
    private static func predictorSize(_ name: String, _ configuration: RunConfiguration) -> Int? {
        let key = SpecKey.byPath["model.predictor.\(name)"]
        return key.flatMap { $0.applies(to: configuration) ? Int(specValue: $0.value(in: configuration)) : nil }
    }
}

// MARK: - Text

extension BenchReport {
    var text: String {
        var lines = [
            "\(model): \(width) wide, \(depth) deep, \(counted(heads, "head")), \(Quantity.count(Double(encoderParameters))) "
                + "parameters; predictor \(predictorWidth.map { "\($0) wide, " } ?? "")"
                + (predictorDepth.map { "\($0) deep, " } ?? "")
                + Quantity.count(Double(predictorParameters)),
            "batch of \(batchSize), \(channels)×\(imageSize)×\(imageSize) pixels in patches of \(patchSize)×\(patchSize); "
                + "on average \(Quantity.significant(contextPatches)) context patches, "
                + "\(Quantity.significant(targetPatches)) in a block; \(Quantity.count(flopsPerImage))FLOP per image",
            "\(precision), \(backEnd)",
            "\(processor); \(counted(threads, "thread")) on \(counted(cores, "core")), \(counted(shards, "shard")); "
                + "\(counted(steps.count, "step")) after \(warmupSteps)",
        ]
        lines += warnings.map { "warning: \($0)" }
        return (lines + ["", rates, "", phases, "", memory]).joined(separator: "\n")
    }

    private var rates: String {
        var table = TextTable([
            ("", .left), ("median", .right), ("least", .right), ("25 %", .right), ("75 %", .right), ("most", .right),
        ])
        let rows = [
            ("images/s", imagesPerSecondSpread), ("seconds per step", secondsPerStepSpread),
            ("GFLOP/s", gigaflopsPerSecondSpread), ("GFLOP/s of products alone", gemmGigaflopsPerSecondSpread),
        ]
        for (name, spread) in rows {
            table.append(
                [name]
                    + [
                        spread.median, spread.minimum, spread.lowerQuartile, spread.upperQuartile, spread.maximum,
                    ].map(Quantity.significant))
        }
        return table.text + "\n" + String(format: "share of the products' rate  %.1f %%", 100 * gemmShare)
    }

    private var phases: String {
        var table = TextTable([("phase", .left), ("ms", .right), ("share", .right)])
        for name in StepPhase.allCases.map(\.name) + ["other"] {
            guard let seconds = phaseSeconds[name] else { continue }
            table.append([
                name.replacingOccurrences(of: "_", with: " "), String(format: "%.2f", 1000 * seconds),
                String(format: "%.1f %%", 100 * seconds / secondsPerStep),
            ])
        }
        return table.text
    }

    private var memory: String {
        let peak = peakMemoryBytes.map(Quantity.bytes) ?? "unknown"
        let allocations = allocationsPerStep.map { "\($0)" } ?? "an unknown number of"
        return "peak memory \(peak); \(allocations) allocations per step"
    }
}
