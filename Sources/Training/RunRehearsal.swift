import Datasets
import Diagnostics
import Evaluation
package import ExperimentSpec
package import Kernels
import TensorCore

/// Does for a moment what a run does for long, side by side with as many others, to predict how long runs take.
///
/// Images are noise; steps are those of training, loader included, and every part of an evaluation is the real one on
/// fewer images. Parts are stretched to the run's sizes by their own counts: images, floating-point operations, rows.
package struct RunRehearsal<Backend: KernelBackend>: @unchecked Sendable {
    private let configuration: RunConfiguration
    private let cost: CostEstimate
    private let backend: Backend
    private let threads: Int
    /// The run's evaluation tasks, and the same with less to do.
    private let tasks: [RunTask]
    private let trial: TrialRun<Backend>

    /// - Throws: `MaskError`, `TrainingError` or `DatasetError` for a configuration that cannot take a step,
    ///   `ThreadRefused`.
    private init(_ configuration: RunConfiguration, cost: CostEstimate, on backend: Backend, threads: Int) throws {
        self.configuration = configuration
        self.cost = cost
        self.backend = backend
        self.threads = threads
        tasks = configuration.rehearsingEvaluation.evaluationTasks
        trial = try TrialRun(configuration, on: backend, threads: threads, enough: TrialSize.enough)
    }

    /// - Parameters:
    ///   - cost: The run's.
    ///   - slots: Runs side by side, each with `threads` threads: they compete for memory and, with their loaders, for
    ///     cores.
    ///   - seconds: Steps are timed for about this long, at least three; the rest takes about as long again.
    /// - Returns: Means over the slots, with nothing for the start.
    /// - Throws: `MaskError`, `TrainingError` or `DatasetError` for a configuration that cannot take a step.
    package static func measure(
        _ configuration: RunConfiguration, cost: CostEstimate, on backend: Backend, slots: Int, threads: Int,
        seconds: Double
    ) throws -> RunPace {
        let rehearsals = try (0..<slots).map { _ in
            try RunRehearsal(configuration, cost: cost, on: backend, threads: threads)
        }
        // Threads of their own, since each rehearsal has teams that are its own.
        return RunPace.mean(try SideBySide.map(slots) { try rehearsals[$0].pace(seconds: seconds) })
    }

    private func pace(seconds: Double) throws -> RunPace {
        // Steps first: memory is planned by them, as in a run.
        let step = try stepSeconds(seconds)
        let width = configuration.model.width
        return RunPace(
            step: step, feature: try featureSeconds(seconds / 4),
            tasks: Dictionary(tasks.map { ($0.declaration.name, taskSeconds($0)) }) { first, _ in first },
            diagnostics: diagnosticsSeconds(width),
            skill: try trial.skillSeconds(images: min(RunEvaluator<Backend>.skillImages, cost.testImages)))
    }

    /// Mean, since a run takes the sum of its steps.
    private func stepSeconds(_ seconds: Double) throws -> Double {
        for _ in 0..<2 { _ = try trial.take() }
        var (count, elapsed, sum, flops) = (0, 0.0, 0.0, 0.0)
        while count < 3 || (elapsed < seconds && count < 10_000) {
            let step = try trial.take()
            elapsed += step.seconds
            sum += trial.stepSeconds(step)
            flops += step.flops
            count += 1
        }
        let mean = sum / Double(count)
        // The masks of a few steps need not be of the usual size.
        guard count < 64, let expected = trial.expectedFLOPs else { return mean }
        return mean * expected / (flops / Double(count))
    }

    /// One image's share of extracting features of some, rendering included.
    private func featureSeconds(_ seconds: Double) throws -> Double {
        let images = TrialRun<Backend>.noise(configuration, count: 32 * threads)
        let extractor = FeatureExtractor(trial.settings.networks.encoder, backend: backend, threads: threads)
        let clock = ContinuousClock()
        let start = clock.now
        var (count, elapsed) = (0, 0.0)
        repeat {
            _ = try extractor.features(of: images, 0..<images.count, parameters: trial.state.targetParameters)
            count += images.count
            elapsed = (clock.now - start) / .seconds(1)
        } while elapsed < seconds
        return elapsed / Double(count)
    }

    // MARK: Probes on fewer images

    /// Few images, and the encoder's sizes.
    private var few: EvaluationSizes {
        EvaluationSizes(
            trainImages: min(configuration.evaluation.trainImages ?? 2048, 2048),
            testImages: min(configuration.evaluation.testImages ?? 256, 256), width: configuration.model.width,
            depth: configuration.model.depth)
    }

    /// A task on one encoder's features of all images, from what it takes for few.
    private func taskSeconds(_ task: RunTask) -> Double {
        let features = task.declaration.features.map { noiseFeatures($0.rawValue, $0.columns(few)) }
        let labels = noiseLabels
        let seconds = time { _ = task.task.measure(features, labels: labels, on: backend, threads: threads) }
        let small = task.task.flops(few)
        guard let whole = cost.task(task.declaration.name)?.flops, small > 0 else { return seconds }
        return seconds * whole / small
    }

    /// Diagnostics cost about as many times the square of the width as there are rows.
    private func diagnosticsSeconds(_ columns: Int) -> Double {
        let wanted = cost.testImages
        let rows = min(wanted, max(256, 40_000_000 / (columns * columns)))
        let features = noiseMatrix(rows: rows, columns: columns)
        return time { _ = FeatureDiagnostics(features, scope: .all, seed: 0) } * Double(wanted) / Double(rows)
    }

    private func time(_ body: () -> Void) -> Double { ContinuousClock().measure(body) / .seconds(1) }

    private func noiseMatrix(rows: Int, columns: Int) -> FeatureMatrix {
        var random = RandomStream(seed: 1, purpose: .tests)
        return FeatureMatrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(random.uniform(in: -1...1)) })
    }

    private func noiseFeatures(_ name: String, _ columns: Int) -> ProbeFeatures {
        ProbeFeatures(
            name: name, train: noiseMatrix(rows: few.trainImages, columns: columns),
            test: noiseMatrix(rows: few.testImages, columns: columns))
    }

    private var noiseLabels: ProbeLabels {
        let labels = { (count: Int) in (0..<count).map { Int32($0 % 10) } }
        return ProbeLabels(train: labels(few.trainImages), test: labels(few.testImages))
    }
}
