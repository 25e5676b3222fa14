import CPUKernels
import Datasets
import Diagnostics
import Evaluation
import ExperimentSpec
import Orchestration
import RunStore
import TensorCore
import Training

/// Probes raw pixels: what any encoder's features must beat.
struct FloorsJob {
    let planFile: String
    let output: String
    let threads: Int

    func run() throws {
        let plan: RunPlan = try StoredJSON.read(from: planFile)
        var configuration = plan.run.configuration
        // Fixed seed: the floors belong to the data set, not to a run.
        configuration.seed = 0
        let evaluation = configuration.evaluation
        let data = try DatasetSplits.load(configuration)
            .evaluated(evaluation)
        let events = WorkerOutput()
        events.send(.phase(name: "probing raw pixels"))
        let size = configuration.model.imageSize
        let purpose = "probes of raw pixels"
        let labels = ProbeLabels(
            train: try data.train.labels(for: purpose), test: try data.test.labels(for: purpose))
        let evaluator = Evaluator(backend: CPUBackend(), tasks: configuration.evaluationTasks, threads: threads)
        let result = evaluator.pixelFloors(
            train: try pixels(of: data.train, size: size), test: try pixels(of: data.test, size: size), labels: labels)
        let floors = Floors(
            dataset: "\(data.train.name), \(size)×\(size)", nTrain: data.train.count, nTest: data.test.count,
            metrics: Dictionary(uniqueKeysWithValues: result.metrics.map { ($0.name, $0.value) }))
        try floors.save(to: output)
        events.send(.end(status: .done, message: nil))
    }

    private func pixels(of dataset: ImageDataset, size: Int) throws -> FeatureMatrix {
        let columns = dataset.channels * size * size
        let buffer = HostBuffer<Float>(count: dataset.count * columns)
        try ImageRenderers(dataset, size: size).renderViews(0..<dataset.count, into: buffer)
        return FeatureMatrix(rows: dataset.count, columns: columns, values: buffer.array)
    }
}
