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
            .limited(train: evaluation.trainImages, test: evaluation.testImages)
        let events = WorkerOutput()
        events.send(.phase(name: "probing raw pixels"))
        let size = configuration.model.imageSize
        let evaluator = Evaluator(backend: CPUBackend(), tasks: configuration.evaluationTasks, threads: threads)
        let result = evaluator.pixelFloors(
            train: pixels(of: data.train, size: size), test: pixels(of: data.test, size: size),
            labels: ProbeLabels(train: data.train.labels, test: data.test.labels))
        let floors = Floors(
            dataset: "\(data.train.name), \(size)×\(size)", nTrain: data.train.count, nTest: data.test.count,
            metrics: Dictionary(uniqueKeysWithValues: result.metrics.map { ($0.name, $0.value) }))
        try floors.save(to: output)
        events.send(.end(status: .done, message: nil))
    }

    private func pixels(of dataset: ImageDataset, size: Int) -> FeatureMatrix {
        let columns = dataset.channels * size * size
        let buffer = HostBuffer<Float>(count: dataset.count * columns)
        dataset.renderWhole(0..<dataset.count, size: size, into: buffer)
        return FeatureMatrix(rows: dataset.count, columns: columns, values: buffer.array)
    }
}
