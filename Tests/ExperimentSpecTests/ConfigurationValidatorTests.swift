import Datasets
import Declarations
import ExperimentSpec
import Foundation
import Testing

@Suite struct ConfigurationValidatorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let keyPath: String
        let message: String
        var testDescription: String { text }
    }

    /// Each is one line after the small spec, so its place is line 5.
    @Test(arguments: [
        Case(text: "model.heads: 5", keyPath: "model.heads", message: "5 heads do not divide the width 24"),
        Case(text: "model.width: 28", keyPath: "model.heads", message: "3 heads do not divide the width 28"),
        Case(text: "model.width: 30", keyPath: "model.width", message: "the width 30 is not divisible by 4"),
        Case(
            text: "model.predictor: {width: 20}", keyPath: "model.predictor.heads",
            message: "3 heads do not divide the width 20"),
        Case(
            text: "model.predictor: {width: 10, heads: 2}", keyPath: "model.predictor.width",
            message: "the width 10 is not divisible by 4"),
        Case(text: "model.mlp_ratio: 0.01", keyPath: "model.mlp_ratio", message: "without a hidden unit"),
        Case(
            text: "model.patch_size: 5", keyPath: "model.patch_size",
            message: "patches of 5 pixels do not fill an image of 28"),
        Case(text: "model.channels: 2", keyPath: "model.channels", message: "grey images"),
        Case(
            text: "data.crop_scale: [1, 0.3]", keyPath: "data.crop_scale", message: "is above its upper end: [1, 0.3]"),
        Case(text: "masks.target_aspect: [2, 1]", keyPath: "masks.target_aspect", message: "is above its upper end"),
        Case(
            text: "model: {image_size: 516}", keyPath: "model.patch_size", message: "129×129 patches, more than 128×128"
        ),
        Case(text: "evaluation.knn.k: [10, 20, 10]", keyPath: "evaluation.knn.k", message: "is listed twice"),
        Case(
            text: "resources.memory_gib: 0.01", keyPath: "resources.memory_gib",
            message: "0.01 GiB for all runs, but one run is predicted to need "),
        Case(
            text: "objective.vicreg.projector: {kind: mlp, widths: [8]}", keyPath: "objective.vicreg.projector.widths",
            message: "the projector mlp takes 3 widths, not 1"),
        Case(
            text: "objective.vicreg.projector: {widths: [8]}", keyPath: "objective.vicreg.projector.widths",
            message: "the projector none takes 0 widths, not 1"),
        Case(
            text: "{objective.vicreg.weight: 1, training.batch_size: 1, resources.shards: 1}",
            keyPath: "training.batch_size", message: "batch of at least 2 images"),
        Case(
            text: "{objective.vicreg.weight: 1, masks.target_blocks: 1}", keyPath: "masks.target_blocks",
            message: "at least 2 blocks"),
        Case(
            text: "{objective.vicreg.weight: 1, model.predictor.kind: none}", keyPath: "objective.vicreg.pairs",
            message: "the predictions of all blocks are equal"),
        Case(
            text: "{objective.vicreg: {weight: 1, pairs: patches}, model.predictor.kind: none}",
            keyPath: "objective.vicreg.pairs", message: "the predictions of all blocks are equal"),
        // No masks are drawn on a grid that is refused: it would take minutes.
        Case(
            text: "{objective.vicreg.weight: 1, model: {image_size: 8192, patch_size: 8}}",
            keyPath: "model.patch_size", message: "1024×1024 patches"),
        Case(text: "resources.shards: 33", keyPath: "resources.shards", message: "33 shards for a batch of 32"),
        Case(
            text: "data.train_subset: 70000", keyPath: "data.train_subset",
            message: "a subset of 70000 images, but there are only 60000"),
        Case(
            text: "data.train_subset: 20", keyPath: "training.batch_size", message: "a batch of 32, but only 20"),
        Case(
            text: "diagnostics.embeddings_at_steps: [5, 11]", keyPath: "diagnostics.embeddings_at_steps",
            message: "step 11 is after the last step, 10"),
        Case(
            text: "evaluation.encoders: [target, target]", keyPath: "evaluation.encoders", message: "is listed twice"),
        Case(
            text: "evaluation.train_images: 60001", keyPath: "evaluation.train_images",
            message: "60001 images, but there are only 60000"),
        Case(
            text: "evaluation.test_images: 10001", keyPath: "evaluation.test_images",
            message: "10001 images, but there are only 10000"),
        Case(
            text: "evaluation: {train_images: 9}", keyPath: "evaluation.knn.k",
            message: "every number of neighbours exceeds the 9"),
        Case(
            text: "evaluation: {train_images: 20, linear: {held_out: 0.01}}", keyPath: "evaluation.linear.held_out",
            message: "holds out 0 of 20"),
    ])
    func `a combination that cannot work is refused at the line that sets it`(_ test: Case) throws {
        // As an arm of its own, so that keys of the base may be set again.
        let set = test.text.hasPrefix("{") ? test.text : "{\(test.text)}"
        let found = try errors("matrix: {include: [{arm: a, set: \(set)}]}\n")
        #expect(found.count == 1, "\(found)")
        let error = try #require(found.first)
        #expect(error.keyPath == test.keyPath)
        #expect(error.message.contains(test.message), "\(error)")
        #expect(error.remedy?.isEmpty == false)
        #expect((1...5).contains(error.line ?? 0))
    }

    @Test func `the sampler's word on masks is an error at the line of the first key that is set`() throws {
        let folder = try SpecFolder()
        let path = try folder.write(smallSpec + "masks.target_aspect: [50, 100]\nobjective.vicreg.weight: 0.5\n")
        #expect {
            try Experiment.load(path: path, fileExists: { _ in true })
        } throws: { error in
            let errors = (error as? SpecErrors)?.errors ?? []
            return errors.count == 1 && errors[0].keyPath == "masks.target_aspect"
                && errors[0].line == smallSpec.split(separator: "\n").count + 1
        }
        // Sizes that make no sense are not asked about.
        let broken = try folder.write(
            smallSpec + "model.patch_size: 5\nmasks.target_aspect: [50, 100]\n", "broken.spec")
        #expect {
            try Experiment.load(path: broken, fileExists: { _ in true })
        } throws: { error in
            (error as? SpecErrors)?.errors.map(\.keyPath) == ["model.patch_size"]
        }
    }

    @Test func `channels of files of one's own are left to the files`() throws {
        let text = "data: {dataset: idx, folder: /data}\nmodel.channels: 3\ntraining: {batch_size: 4, epochs: 2}\n"
        let folder = try SpecFolder()
        let base = "model: {image_size: 32, patch_size: 4}\nmasks.min_keep: 4\n"
        let experiment = try Experiment.load(
            path: try folder.write(base + text), datasetSize: { _ in 42 }, fileExists: { _ in true })
        #expect(experiment.runs[0].configuration.model.channels == 3)
        // Epochs are worked out from the number that the caller counts.
        #expect(experiment.runs[0].configuration.training.steps == 20)
        let found = try errors(
            "data: {dataset: idx, folder: /data, train_subset: 5}\n", base: base + "training.epochs: 1\n")
        #expect(found.map(\.keyPath).contains("training.epochs"))
    }

    @Test func `missing files are one error, not two, where epochs need them`() throws {
        let folder = try SpecFolder()
        let path = try folder.write("data: {dataset: idx, folder: nowhere}\ntraining: {batch_size: 4, epochs: 2}\n")
        #expect {
            try Experiment.load(path: path)
        } throws: { error in
            (error as? SpecErrors)?.errors.map(\.keyPath) == ["data.folder"]
        }
    }

    @Test(arguments: [
        ("model.width=3000000000", "≤ 65536"), ("model.width=1e300", "expected a whole number"),
        ("resources.memory_gib=1e300", "≤ 1048576"), ("training.epochs=9000000000000000000", "≤ 1000000"),
        ("training.steps=9000000000000000000", "≤ 1000000000"), ("model.mlp_ratio=1e300", "≤ 64"),
        ("model.image_size=4000000", "≤ 8192"), ("seeds=99999999", "≤ 10000"), ("schedule.stretch=0.5", "≥ 1"),
        ("schedule.stretch=1e300", "≤ 1000"), ("masks.target_aspect=1e300", "≤ 1000"),
        ("schedule.lr=1e999", "expected a number"),
        ("resources.checkpoint_minutes=1e300", "≤ 525600"), ("objective.vicreg.weight=-9223372036854775808", "≥ 0"),
        ("evaluation.linear.lr=[]", "expected 1 to 64 elements"), ("evaluation.linear.epochs=0", "≥ 1"),
        ("evaluation.linear.weight_decay=[]", "expected 1 to 64 elements"),
        ("evaluation.linear.batch_size=0", "≥ 1"), ("evaluation.linear.held_out=1", "< 1"),
        ("evaluation.linear.held_out=0", "> 0"), ("evaluation.knn.k=[0]", "≥ 1"),
        ("evaluation.knn.k=[]", "expected 1 to 64 elements"), ("evaluation.knn.temperature=0", "> 0"),
    ])
    func `values far out of range are refused with the limit`(override: String, limit: String) throws {
        let found = try errors("", overrides: [override])
        #expect(found.count == 1)
        #expect(found[0].message.contains(limit), "\(found[0])")
        #expect(found[0].file == "--set \(override)")
    }

    @Test func `the largest values that are accepted can be worked with`() throws {
        let overrides = [
            "model={width: 65536, depth: 1024, heads: 1024, mlp_ratio: 64, image_size: 1024, patch_size: 8}",
            "model.predictor={width: 65536, depth: 1024, heads: 1024}", "training={batch_size: 60000, steps: 1e9}",
            "resources.shards=1024", "schedule.stretch=1000",
        ]
        let cost = CostEstimate(try load("", overrides: overrides).runs[0].configuration)
        #expect(cost.memoryBytes > 1 << 50 && cost.diskBytes > 0)
        #expect(cost.seconds(RunPace(step: 1, feature: 1)).isFinite)
    }

    @Test func `a text that is nothing has a remedy that works`() throws {
        let found = try errors("", overrides: ["expected=null"])
        #expect(found.map(\.remedy) == ["leave it out, or write '' for no text"])
        #expect(try load("", overrides: ["expected=''"]).expected.isEmpty)
    }

    @Test func `an error of some arms names them, and is reported once`() throws {
        let text = "matrix: {axes: [{key: model.heads, values: [3, 5]}, {key: model.depth, values: [1, 2, 3, 4]}]}"
        let found = try errors(text)
        #expect(found.count == 1)
        #expect(found[0].line == 5)
        #expect(
            found[0].message.hasSuffix("(4 of 8 arms: heads=5.depth=1, heads=5.depth=2, heads=5.depth=3 and 1 more)"))
    }

    @Test func `a training without length is refused`() throws {
        let found = try errors("", base: smallSpec.replacingOccurrences(of: ", steps: 10", with: ""))
        #expect(found.map(\.message) == ["the length of training is not set"])
        #expect(found[0].remedy == "set training.steps or training.epochs")
    }

    @Test func `missing data are named with the way to get them`() throws {
        let folder = try SpecFolder()
        let path = try folder.write(smallSpec)
        #expect {
            try Experiment.load(path: path, fileExists: { !$0.hasSuffix("fashion-mnist") })
        } throws: { error in
            let errors = (error as? SpecErrors)?.errors ?? []
            return errors.count == 1 && errors[0].message == "there is no data folder /usr/share/datasets/fashion-mnist"
                && errors[0].remedy?.contains("apt-get install dataset-fashion-mnist") == true && errors[0].line == 1
        }
        #expect {
            try Experiment.load(path: path, fileExists: { !$0.contains("t10k") })
        } throws: { error in
            (error as? SpecErrors)?.errors.map(\.keyPath) == ["data.test_images", "data.test_labels"]
        }
    }

    @Test func `a folder is relative to the spec that names it`() throws {
        let folder = try SpecFolder()
        try folder.write(smallSpec + "data.folder: files\n", "sub/parent.spec")
        let path = try folder.write("inherit: sub/parent.spec\n")
        let experiment = try Experiment.load(path: path, fileExists: { _ in true })
        let expected = URL(fileURLWithPath: "\(folder.path)/sub/files").standardizedFileURL.path
        #expect(experiment.runs[0].configuration.dataFolder == expected)
    }

    @Test func `the sample is found above the spec's folder`() throws {
        let folder = try SpecFolder()
        let sample = "\(folder.path)/Tests/Fixtures/fashion-mnist-sample"
        try FileManager.default.createDirectory(atPath: sample, withIntermediateDirectories: true)
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "fashion_mnist_sample")
        let expected = URL(fileURLWithPath: sample).standardizedFileURL.path
        #expect(configuration.imageCollection.resolvedFolder(specFolder: "\(folder.path)/a/b") == expected)
    }

    @Test func `the paper's settings pass`() throws {
        let base = """
            model: {preset: vit_base, channels: 1}
            objective: {vicreg: {weight: 0.001, projector: {kind: mlp, widths: [2048, 2048, 2048]}}}
            training: {batch_size: 2048, epochs: 600}
            masks: {sampler: ijepa}
            """
        let experiment = try load("", base: base)
        #expect(experiment.runs[0].configuration.model.preset == .base)
    }
}
