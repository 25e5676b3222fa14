import Analysis
import CPUKernels
import Datasets
import ExperimentSpec
import Foundation
import Pictures
import RunStore
import Training

/// Draws the masks and the attention of an experiment's arms for its report.
///
/// Pictures need what results do not hold: the data set, checkpoints. Where something is missing the page says so, and
/// shows the rest.
struct ReportPictures {
    /// Indices of the test images whose attention is drawn; none: one of each of the first classes.
    let images: [Int]?
    let threads: Int

    private static let classes = 6
    private static let maskRows = 4
    private static let maskBatches = 50
    /// Settings of masks beyond this are named and not drawn.
    private static let mostMasks = 6

    /// A run that stands for its arm.
    private struct Representative {
        let run: ReportInput.Run
        let directory: RunDirectory
        let plan: RunPlan

        var configuration: RunConfiguration { plan.run.configuration }
    }

    /// Everything that decides the masks of a run and the images below them.
    private struct MaskKey: Hashable {
        let masks: MaskChoice
        let data: DataIdentity
        let images: DataConfiguration
        let seed: Int
        let batchSize: Int
        let imageSize: Int
        let patchSize: Int

        init(_ configuration: RunConfiguration) {
            masks = configuration.maskChoice
            data = configuration.dataIdentity
            images = configuration.data
            seed = configuration.seed
            batchSize = configuration.training.batchSize
            imageSize = configuration.model.imageSize
            patchSize = configuration.model.patchSize
        }
    }

    /// - Throws: `UnusableInput` where `images` names what the test split does not have.
    func add(to input: inout ReportInput) throws {
        var splits = SplitsCache()
        // The baseline first, so that it stands beside every other arm.
        let baseline = input.record.baseline
        let arms = input.record.arms.filter { $0 == baseline } + input.record.arms.filter { $0 != baseline }
        let representatives = arms.compactMap { representative(of: $0, in: input) }
        Console.begin("drawing masks and attention of \(counted(arms.count, "arm"))")
        addMasks(of: representatives, to: &input, &splits)
        try addAttention(of: representatives, to: &input, &splits)
    }

    /// The first seed of an arm with a checkpoint; where none has one, the first with a plan.
    private func representative(of arm: String, in input: ReportInput) -> Representative? {
        let planned = input.runs.filter { $0.arm == arm }.sorted { $0.seed < $1.seed }.compactMap { run in
            let directory = RunDirectory(path: run.directory)
            return (try? directory.loadPlan()).map { Representative(run: run, directory: directory, plan: $0) }
        }
        return planned.first { $0.run.state?.status.isFinished == true && !$0.directory.checkpoints.entries.isEmpty }
            ?? planned.first { !$0.directory.checkpoints.entries.isEmpty } ?? planned.first
    }

    // MARK: Masks

    /// One picture for each setting of the masks, with the arms that share it.
    private func addMasks(of runs: [Representative], to input: inout ReportInput, _ splits: inout SplitsCache) {
        var keys: [MaskKey] = []
        let groups = Dictionary(grouping: runs) { MaskKey($0.configuration) }
        for run in runs where !keys.contains(MaskKey(run.configuration)) { keys.append(MaskKey(run.configuration)) }
        for (index, key) in keys.enumerated() {
            guard let sharing = groups[key], let first = sharing.first else { continue }
            let names = sharing.map(\.run.arm).joined(separator: ", ")
            guard index < Self.mostMasks else {
                input.pictureRemarks.append("Masks of \(names) differ from those above and are not drawn.")
                continue
            }
            do {
                let train = try splits.load(first.configuration)
                    .limited(train: first.configuration.data.trainSubset, test: nil).train
                let report = try MasksReport(
                    first.configuration, dataset: train, step: 0, rows: Self.maskRows, batches: Self.maskBatches)
                input.masks.append(
                    ReportInput.Picture(
                        title: keys.count == 1 ? "Masks of every arm" : "Masks of \(names)",
                        caption:
                            "on the cropped training images of step 0, seed \(first.run.seed); maps: share of "
                            + "masks that cover a patch",
                        png: try PNGFile.data(report.figure())))
            } catch {
                // The data may be elsewhere by now; the rest of the page does not need it.
                input.pictureRemarks.append("The masks of \(names) cannot be drawn: \(error)")
            }
        }
    }

    // MARK: Attention

    private func addAttention(
        of runs: [Representative], to input: inout ReportInput, _ splits: inout SplitsCache
    ) throws {
        for run in runs {
            let arm = run.run.arm
            guard let entry = run.directory.checkpoints.entries.last else {
                input.pictureRemarks.append("\(arm): no run has a checkpoint, so its attention cannot be drawn.")
                continue
            }
            do {
                let test = try splits.load(run.configuration).test
                if let images { try ImagePlaces.check(images, in: test) }
                let places = images ?? ImagePlaces.ofClasses(Self.classes, in: test)
                // Read as it lies: a report sets nothing aside.
                let checkpoint = try Checkpoint.load(from: entry.path, expecting: run.plan.run.configurationHash)
                let reader = try AttentionReader(
                    RunSettings(run.configuration), tensors: checkpoint.tensors, backend: CPUBackend(),
                    threads: threads)
                let figure = AttentionFigure(
                    target: try reader.target(test, places), context: try reader.context(test, places))
                let mark = arm == input.record.baseline ? ", baseline" : ""
                input.attention.append(
                    ReportInput.Picture(
                        title: arm + mark,
                        caption: "seed \(run.run.seed), step \(checkpoint.step); test images "
                            + places.map(String.init).joined(separator: ", "),
                        png: try PNGFile.data(figure.drawMeans(places.map { try test.picture($0) }))))
            } catch let error as UnusableInput {
                throw error
            } catch {
                input.pictureRemarks.append("\(arm): its attention cannot be drawn: \(error)")
            }
        }
    }
}
