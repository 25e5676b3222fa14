import ExperimentSpec
import Foundation
import Testing

/// The memory that `plan` predicts, against the resident memory of a worker.
@Suite(.serialized) struct PredictedMemoryTests {
    private static let spec = """
        data: {dataset: fashion_mnist_sample}
        model:
          {width: 96, depth: 6, heads: 3, image_size: 28, patch_size: 4, channels: 1, init: xavier,
           predictor: {width: 48, depth: 4}}
        masks.min_keep: 4
        objective.vicreg.weight: 0.01
        training: {batch_size: 256, steps: 1}
        evaluation:
          {encoders: [target], train_images: 100, test_images: 100, knn.k: [5],
           linear: {lr: [0.1], weight_decay: [0], epochs: 1}}
        resources: {shards: 32, threads: 1}
        seeds: [0]
        matrix: {axes: [{name: arm, variants: {a: {}}}]}
        baseline: a

        """

    @Test(
        "predicted memory covers what a run takes, and not much more",
        arguments: [[], ["resources.accumulate=8"], ["resources.recompute=true"]])
    func covers(settings: [String]) throws {
        let scratch = try TemporaryFolder()
        let spec = try scratch.write(Self.spec, to: "memory.spec")
        let experiment = try Experiment.load(path: spec, overrides: settings, datasetSize: { _ in 2000 })
        let predicted = CostEstimate(try #require(experiment.runs.first).configuration).memoryBytes
        var peak = 0
        let arguments = ["run", spec, "--results", scratch.path] + settings.flatMap { ["--set", $0] }
        let program = try Program.run(arguments) { process, _ in
            while process.isRunning {
                if let pid = worker(below: scratch.path) { peak = max(peak, Self.peakBytes(of: pid) ?? 0) }
                usleep(5_000)
            }
        }
        #expect(program.status == 0, "\(program.error)")
        #expect(peak > 60 << 20)
        #expect(peak <= predicted, "\(peak >> 20) MiB of \(predicted >> 20) MiB")
        #expect(Double(peak) >= 0.4 * Double(predicted), "\(peak >> 20) MiB of \(predicted >> 20) MiB")
    }

    /// The worker's process id, which its state names.
    private func worker(below folder: String) -> Int? {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: folder),
            let state = names.first(where: { $0.hasSuffix("/state.json") }),
            let data = FileManager.default.contents(atPath: folder + "/" + state),
            let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        else { return nil }
        return object["pid"] as? Int
    }

    /// "VmHWM:	  123456 kB" of /proc.
    private static func peakBytes(of pid: Int) -> Int? {
        let text = String(
            decoding: FileManager.default.contents(atPath: "/proc/\(pid)/status") ?? Data(), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}
