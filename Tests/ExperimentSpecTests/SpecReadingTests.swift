import Declarations
import ExperimentSpec
import Foundation
import Testing

@Suite struct SpecReadingTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let text: String
        let line: Int
        let column: Int
        let keyPath: String?
        let message: String
        var nearest: String?
        var testDescription: String { text }
    }

    @Test(arguments: [
        Fault(
            text: "modle: {width: 8}", line: 1, column: 1, keyPath: "modle", message: "unknown key", nearest: "model"),
        Fault(
            text: "model:\n  widht: 8", line: 2, column: 3, keyPath: "model.widht", message: "unknown key",
            nearest: "model.width"),
        Fault(
            text: "optimizer: {lr: 1e-3}", line: 1, column: 13, keyPath: "optimizer.lr", message: "unknown key",
            nearest: "schedule.lr"),
        Fault(
            text: "objective:\n  vicreg:\n    wieght: 1", line: 3, column: 5, keyPath: "objective.vicreg.wieght",
            message: "unknown key", nearest: "objective.vicreg.weight"),
        Fault(
            text: "objective.vicrg.weight: 1", line: 1, column: 1, keyPath: "objective.vicrg.weight",
            message: "unknown key", nearest: "objective.vicreg.weight"),
        Fault(text: "sedes: 3", line: 1, column: 1, keyPath: "sedes", message: "unknown key", nearest: "seeds"),
        Fault(
            text: "model: {width: wide}", line: 1, column: 16, keyPath: "model.width",
            message: "expected a whole number, found 'wide' (text)"),
        Fault(
            text: "model: {width: 8.5}", line: 1, column: 16, keyPath: "model.width",
            message: "expected a whole number, found '8.5' (a number)"),
        Fault(
            text: "model: {width: \"8\"}", line: 1, column: 16, keyPath: "model.width",
            message: "expected a whole number, found '8' (text)"),
        Fault(
            text: "masks: {sampler: unifrom}", line: 1, column: 18, keyPath: "masks.sampler",
            message: "expected one of ijepa, uniform, found 'unifrom' (text)", nearest: "uniform"),
        Fault(
            text: "evaluation:\n  encoders: [target, contxt]", line: 2, column: 13, keyPath: "evaluation.encoders",
            message: "expected a list of: target, context, found '[target, contxt]' (a list)", nearest: "context"),
        Fault(
            text: "model: {rescale_init: yes}", line: 1, column: 23, keyPath: "model.rescale_init",
            message: "expected true or false, found 'yes' (text)"),
        Fault(
            text: "schedule: {lr: [1, 2]}", line: 1, column: 16, keyPath: "schedule.lr",
            message: "expected a number, found '[1, 2]' (a list)"),
        Fault(
            text: "schedule: {lr: {a: 1}}", line: 1, column: 16, keyPath: "schedule.lr",
            message: "expected a number, found a group of keys"),
        Fault(
            text: "schedule: {lr: }", line: 1, column: 16, keyPath: "schedule.lr",
            message: "expected a number, found nothing"),
        Fault(
            text: "schedule: 3", line: 1, column: 11, keyPath: "schedule",
            message: "expected a group of keys, found a whole number"),
        Fault(
            text: "schedule: {lr: -1}", line: 1, column: 16, keyPath: "schedule.lr",
            message: "-1 is out of range: must be > 0"),
        Fault(
            text: "data: {crop_scale: [0.5, 1.5]}", line: 1, column: 20, keyPath: "data.crop_scale",
            message: "1.5 is out of range: must be > 0, ≤ 1"),
        Fault(
            text: "target_encoder: {momentum: [0.9, 1.1]}", line: 1, column: 28, keyPath: "target_encoder.momentum",
            message: "1.1 is out of range: must be ≥ 0, ≤ 1"),
        Fault(
            text: "data: {crop_scale: [0.5]}", line: 1, column: 20, keyPath: "data.crop_scale",
            message: "expected a number or a pair of numbers, found a list of 1"),
        Fault(
            text: "evaluation: {encoders: []}", line: 1, column: 24, keyPath: "evaluation.encoders",
            message: "expected 1 to 2 elements, found 0"),
        Fault(
            text: "data: {train_images: 5}", line: 1, column: 22, keyPath: "data.train_images",
            message: "expected text, found '5' (a whole number)"),
        Fault(text: "seeds: [0, 0]", line: 1, column: 8, keyPath: "seeds", message: "a seed is listed twice"),
        Fault(text: "seeds: [0, -1]", line: 1, column: 8, keyPath: "seeds", message: "expected whole numbers ≥ 0"),
        Fault(
            text: "seeds: 0", line: 1, column: 8, keyPath: "seeds",
            message: "0 is out of range: a count of seeds must be ≥ 1, ≤ 10000"),
        Fault(
            text: "seeds: many", line: 1, column: 8, keyPath: "seeds",
            message: "expected a list of seeds or their count, found text"),
        Fault(text: "name: a/b", line: 1, column: 7, keyPath: "name", message: "'a/b' cannot be the name of a folder"),
        Fault(
            text: "question: 5", line: 1, column: 11, keyPath: "question",
            message: "expected text, found a whole number"),
        Fault(
            text: "model:\n  width: 8\n  width: 16", line: 3, column: 3, keyPath: "model.width",
            message: "the key occurs twice in this group, first on line 2"),
        Fault(
            text: "model: {width: 8}\nmodel.width: 16", line: 2, column: 1, keyPath: "model.width",
            message: "the key is set twice"),
        Fault(
            text: "training: {steps: 5, epochs: 1}", line: 1, column: 12, keyPath: "training.steps",
            message: "both steps and epochs are given"),
    ])
    func `a fault is reported with its place and the nearest name`(_ fault: Fault) throws {
        // What every spec needs, behind the fault, so that nothing else is wrong.
        let length = fault.text.hasPrefix("training") ? "" : "training.steps: 1\n"
        let found = try errors("\n\(length)model.channels: 1\n", base: fault.text)
        let error = try #require(found.first)
        #expect(found.count == 1, "\(found)")
        #expect(error.line == fault.line)
        #expect(error.column == fault.column)
        #expect(error.keyPath == fault.keyPath)
        #expect(error.message == fault.message)
        #expect(error.nearest == fault.nearest)
        #expect(error.file.hasSuffix("test.spec"))
    }

    @Test func `all faults of a spec are reported together, in their order`() throws {
        let found = try errors(
            "model: {widht: 8, depth: x, channels: 1}\nmasks: {min_kep: 1}\nfoo: 1\ntraining.steps: 1", base: "")
        #expect(found.map(\.keyPath) == ["model.widht", "model.depth", "masks.min_kep", "foo"])
    }

    @Test(arguments: [
        ("a: [1", "not valid YAML"), ("\tmodel: 1", "not valid YAML"), ("", "the spec is empty"),
        ("- 1", "expected keys with values, found a list"), ("5", "expected keys with values"),
        ("model: *x", "not valid YAML"), ("? [a]\n: 1", "a key must be a single word"),
    ])
    func `text that is no spec is refused with a line`(text: String, message: String) throws {
        let found = try errors(text, base: "")
        let error = try #require(found.first { $0.message.contains(message) }, "\(found)")
        #expect(error.line != nil)
    }

    @Test func `a missing file is named`() throws {
        #expect {
            try Experiment.load(path: "/nowhere/at-all.spec")
        } throws: { error in
            (error as? SpecErrors)?.errors == [
                SpecError(
                    SpecLocation(file: "/nowhere/at-all.spec"), "there is no such spec",
                    remedy: "give the path of a .spec file")
            ]
        }
    }

    @Test(arguments: [("smoke", "smoke.spec"), ("smok.spec", "smoke.spec"), ("other.txt", nil)])
    func `a missing file is answered with the nearest spec`(name: String, nearest: String?) throws {
        let folder = try SpecFolder()
        try folder.write(smallSpec, "smoke.spec")
        let found = errors(ofFile: "\(folder.path)/\(name)")
        #expect(found.map(\.message) == ["there is no such spec"])
        #expect(found[0].nearest == nearest.map { "\(folder.path)/\($0)" })
    }

    @Test func `a folder is no spec, and its specs are named`() throws {
        let folder = try SpecFolder()
        let empty = errors(ofFile: folder.path)
        #expect(empty.map(\.message) == ["this is a folder, not a spec"])
        #expect(empty[0].remedy == "give the path of a .spec file" && empty[0].file == folder.path)
        try folder.write("{}", "experiment.json")
        #expect(errors(ofFile: folder.path)[0].remedy?.contains("results of an experiment") == true)
        try folder.write(smallSpec, "b.spec")
        try folder.write("inherit: .", "a.spec")
        #expect(errors(ofFile: folder.path)[0].remedy == "give one of the specs in it: a.spec, b.spec")
        let inherited = errors(ofFile: "\(folder.path)/a.spec")
        #expect(inherited.map(\.keyPath) == ["inherit"] && inherited[0].line == 1 && inherited[0].column == 10)
        #expect(inherited[0].message.hasSuffix("this is a folder, not a spec"))
    }

    @Test(.timeLimit(.minutes(1))) func `a pipe is no spec, and nobody waits for it`() throws {
        let folder = try SpecFolder()
        let pipe = "\(folder.path)/pipe.spec"
        try #require(mkfifo(pipe, 0o600) == 0)
        let heir = try folder.write("inherit: pipe.spec\n", "heir.spec")
        for path in [pipe, heir, "/dev/zero"] {
            let error = try #require(throws: SpecErrors.self) { try Experiment.load(path: path) }
            #expect(
                error.errors.first?.message.hasSuffix("this is a pipe, a device or the like, not a spec") == true,
                "\(error)")
        }
    }

    @Test func `text of another encoding is named as such`() throws {
        let folder = try SpecFolder()
        let path = "\(folder.path)/latin.spec"
        try Data([0x71, 0x3A, 0x20, 0xE9]).write(to: URL(fileURLWithPath: path))
        #expect(errors(ofFile: path).map(\.message) == ["the spec is not UTF-8 text"])
    }

    @Test func `an error reads as file, line, key, message, suggestion and remedy`() {
        let error = SpecError(
            SpecLocation(file: "a.spec", line: 3, column: 9), keyPath: "model.widht", "unknown key",
            nearest: "model.width", remedy: "fix it")
        let text = "a.spec:3:9: model.widht: unknown key; did you mean 'model.width'?\n    → fix it"
        #expect(error.description == text)
    }

    @Test func `every key of the table can be set, and reads back`() throws {
        for key in SpecKey.all where key.defaultValue != .null {
            #expect(key.value(in: RunConfiguration()) == key.defaultValue, "\(key.path)")
        }
        let text = """
            model: {preset: vit_small, heads: 8, init: xavier, rescale_init: true, image_size: 32,
                patch_size: 4, channels: 1}
            model.predictor: {width: 64, heads: 2}
            schedule: {start_lr: 2e-4, lr: 3e-3, final_lr: 1e-5, stretch: 1.25}
            evaluation: {knn: {k: [5], temperature: 0.1}, linear: {lr: [1], weight_decay: [0], held_out: 0.2}}
            resources: {memory_gib: 12.5}
            optimizer: {weight_decay: 0.05, clip_norm: 3}
            training: {batch_size: 1e2, steps: 3}
            masks: {min_keep: 2}
            question: |
              Why?

            """
        let experiment = try load(text, base: "")
        let run = experiment.runs[0].configuration
        #expect(experiment.question == "Why?")
        #expect(experiment.name == "test")
        #expect(run.model.preset == .custom)
        #expect((run.model.width, run.model.depth, run.model.heads) == (384, 12, 8))
        #expect(predictorSizes(run) == [64, 6, 2])
        #expect(run.model.initialization == .xavier && run.model.rescaleInitialization)
        #expect(run.schedule.startLearningRate == 2e-4 && run.schedule.learningRate == 3e-3)
        #expect(run.schedule.finalLearningRate == 1e-5 && run.schedule.stretch == 1.25)
        #expect(run.value(of: "evaluation.knn.k") == [5] && run.value(of: "evaluation.knn.temperature") == 0.1)
        #expect(run.value(of: "evaluation.linear.lr") == [1.0] && run.value(of: "evaluation.linear.held_out") == 0.2)
        #expect(run.resources.memoryGiB == 12.5)
        #expect(run.optimizer.weightDecay == [0.05, 0.05] && run.optimizer.clipNorm == 3)
        #expect(run.training.batchSize == 100)
    }

    private func predictorSizes(_ run: RunConfiguration) -> [SpecValue] {
        ["width", "depth", "heads"].map { run.value(of: "model.predictor.\($0)") }
    }

    @Test(arguments: [
        ("vit_tiny", 192, 12, 3, 6), ("vit_small", 384, 12, 6, 6), ("vit_base", 768, 12, 12, 6),
        ("vit_large", 1024, 24, 16, 12),
    ])
    func `a preset sets the sizes`(name: String, width: Int, depth: Int, heads: Int, predictorDepth: Int) throws {
        let base = "model: {preset: \(name), channels: 1}\ntraining: {steps: 1}"
        let run = try load("", base: base).runs[0].configuration
        let model = run.model
        #expect(model.preset.rawValue == name)
        #expect((model.width, model.depth, model.heads) == (width, depth, heads))
        #expect(predictorSizes(run) == [384, .integer(predictorDepth), .integer(heads)])
    }

    @Test func `heads set beside a preset are the predictor's too`() throws {
        let base = "model: {preset: vit_small, heads: 8, channels: 1}\ntraining: {steps: 1}"
        #expect(try load("", base: base).runs[0].configuration.value(of: "model.predictor.heads") == 8)
    }

    @Test func `epochs become steps of whole batches of the subset`() throws {
        let base = smallSpec.replacingOccurrences(of: "steps: 10", with: "epochs: 3")
        #expect(try load("", base: base).runs[0].configuration.training.steps == 3 * (60_000 / 32))
        #expect(try load("data.train_subset: 1000", base: base).runs[0].configuration.training.steps == 3 * 31)
    }

    @Test func `epochs of a data set of unknown size ask for steps`() throws {
        let base = smallSpec.replacingOccurrences(of: "steps: 10", with: "epochs: 3")
        let found = try errors(
            "data: {dataset: idx, folder: x}", base: base.replacingOccurrences(of: "data:", with: "#"))
        #expect(found.map(\.keyPath) == ["training.epochs"])
        #expect(found[0].line == 4 && found[0].remedy == "set training.steps")
    }

    @Test func `images of a plain IDX file are counted from its header`() throws {
        let folder = try SpecFolder()
        let header = Data([0, 0, 8, 3, 0, 0, 1, 44, 0, 0, 0, 28, 0, 0, 0, 28])
        try header.write(to: URL(fileURLWithPath: "\(folder.path)/train.idx"))
        let spec = smallSpec.replacingOccurrences(of: "steps: 10", with: "epochs: 2")
            .replacingOccurrences(
                of: "{dataset: fashion_mnist}", with: "{dataset: idx, folder: ., train_images: train.idx}")
        let path = try folder.write(spec)
        let experiment = try Experiment.load(path: path, fileExists: { _ in true })
        #expect(experiment.runs[0].configuration.training.steps == 2 * (300 / 32))
        #expect(
            experiment.runs[0].configuration.dataFolder == URL(fileURLWithPath: folder.path).standardizedFileURL.path)
    }
}
