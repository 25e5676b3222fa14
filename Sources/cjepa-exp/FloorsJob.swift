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
        let events = WorkerOutput()
        let data = try DatasetSplits.load(configuration, progress: ScanProgress(events).report)
            .evaluated(evaluation)
        events.send(.phase(name: "probing raw pixels"))
        let size = FloorsSize(
            configuration, trainImages: data.train.count, testImages: data.test.count, classes: data.train.classCount)
        let (train, test) = (
            try seen(data.train, count: size.trainImages, side: size.side, of: configuration),
            try seen(data.test, count: size.testImages, side: size.side, of: configuration)
        )
        let purpose = "probes of raw pixels"
        let labels = ProbeLabels(train: try train.labels(for: purpose), test: try test.labels(for: purpose))
        let evaluator = Evaluator(backend: CPUBackend(), tasks: configuration.evaluationTasks, threads: threads)
        let result = evaluator.pixelFloors(
            train: try pixels(of: train, size: size.side), test: try pixels(of: test, size: size.side), labels: labels)
        let floors = Floors(
            dataset: "\(train.name), \(size.side)×\(size.side)", nTrain: train.count, nTest: test.count,
            metrics: Dictionary(uniqueKeysWithValues: result.metrics.map { ($0.name, $0.value) }))
        try floors.save(to: output)
        events.send(.end(status: .done, message: nil))
    }

    /// A seeded choice of the images, shown smaller where the model's size is too large to hold all of them.
    private func seen(
        _ images: ImageDataset, count: Int, side: Int, of configuration: RunConfiguration
    ) throws -> ImageDataset {
        var chosen = count < images.count ? try images.subset(count: count, seed: 0) : images
        let whole = configuration.model.imageSize
        if side != whole, let short = chosen.view.shortSide {
            chosen.view.shortSide = Int((Double(short) * Double(side) / Double(whole)).rounded())
        }
        return chosen
    }

    private func pixels(of dataset: ImageDataset, size: Int) throws -> FeatureMatrix {
        let columns = dataset.channels * size * size
        let buffer = HostBuffer<Float>(count: dataset.count * columns)
        try ImageRenderers(dataset, size: size).renderViews(0..<dataset.count, into: buffer)
        return FeatureMatrix(rows: dataset.count, columns: columns, values: buffer.array)
    }
}
