import Declarations
import ExperimentSpec
import Foundation
import Testing

@Suite struct RunIdentityTests {
    private func hash(_ overrides: String...) throws -> String {
        try load("", overrides: overrides).runs[0].configurationHash
    }

    @Test(arguments: [
        "seeds=[7]", "resources.threads=3", "resources.loader_threads=2", "resources.memory_gib=8",
        "resources.workers=1", "resources.retries=2", "resources.checkpoint_minutes=1",
        "resources.checkpoint_steps=7", "resources.checkpoints_kept=5", "resources.on_failure=stop",
        "resources.tensorboard=true", "resources.json_lines=true",
        "data.folder=/elsewhere",
        "diagnostics.store_embeddings=false", "diagnostics.embeddings_at_steps=[3]", "name=other", "question=Why",
    ])
    func `seed, place and resources do not change the hash`(override: String) throws {
        #expect(try hash(override) == hash())
    }

    @Test(arguments: [
        "schedule.lr=0.002", "data.dataset=fashion_mnist_sample", "data.train_images=other.gz", "resources.shards=2",
        "training.steps=11", "objective.vicreg.weight=0.001", "evaluation.every_steps=5", "optimizer.clip_norm=1",
        "model.predictor.heads=6", "masks.sampler=ijepa", "training.precision=bf16",
    ])
    func `whatever changes a result changes the hash`(override: String) throws {
        #expect(try hash(override) != hash())
    }

    private static let mlp = "objective.vicreg={weight: 0.001, projector: {kind: mlp, widths: [8, 8, 4]}}"

    /// The hashes are those of a version without the keys.
    @Test(arguments: [
        (
            ["masks.context_count=batch", mlp, "objective.vicreg.projector.batch_norm=joint"],
            "eb3a3a43d5ed17798a3e8aeed3009c0228f4241f60f1c7f28bd8084c12e51678"
        ),
        (
            ["masks.context_count=batch"],
            "c832b8350b265f145178d35d375ae070e34a03cf220c4f85c928f522a0b7e372"
        ),
    ])
    func `a run that does what versions without a key did keeps its hash`(
        overrides: [String], earlier: String
    ) throws {
        #expect(try load("", overrides: overrides).runs[0].configurationHash == earlier)
        // Without the last override the run does something else.
        #expect(try load("", overrides: overrides.dropLast()).runs[0].configurationHash != earlier)
    }

    @Test(arguments: [
        (
            ["objective.vicreg.projector={kind: linear, widths: [8]}", "objective.vicreg.weight=0.001"],
            "objective.vicreg.projector.batch_norm=joint"
        ),
        (
            ["objective.vicreg.projector={kind: mlp, widths: [8, 8, 4]}", "objective.vicreg.weight=0"],
            "objective.vicreg.projector.batch_norm=joint"
        ),
        (["masks.sampler=ijepa"], "masks.context_count=batch"),
    ])
    func `a key without effect is no part of the hash`(overrides: [String], key: String) throws {
        let run = try load("", overrides: overrides).runs[0]
        let other = try load("", overrides: overrides + [key]).runs[0]
        #expect(run.configuration != other.configuration)
        #expect(run.configurationHash == other.configurationHash)
    }

    @Test func `a stored configuration without a key means what versions without it did`() throws {
        let specified = try load("", overrides: [Self.mlp]).runs[0].configuration
        #expect(specified.value(of: "objective.vicreg.projector.batch_norm") == "per_view")
        let text = String(decoding: try JSONEncoder().encode(specified), as: UTF8.self)
        #expect(try JSONDecoder().decode(RunConfiguration.self, from: Data(text.utf8)) == specified)
        let earlier = text.replacing(#/"batch_norm":"per_view",?/#, with: "")
            .replacing(#/"context_count":"fixed",?/#, with: "")
        #expect(!earlier.contains("batch_norm") && !earlier.contains("context_count"))
        let stored = try JSONDecoder().decode(RunConfiguration.self, from: Data(earlier.utf8))
        #expect(
            stored.value(of: "objective.vicreg.projector.batch_norm") == "joint"
                && stored.value(of: "masks.context_count") == "batch")
        #expect(stored.value(of: "objective.vicreg.projector.widths") == [8, 8, 4])
    }

    @Test func `auto is the precision that this machine is good at, before anything is named`() throws {
        let folder = try SpecFolder()
        let path = try folder.write(smallSpec)
        for best in [TrainingConfiguration.Precision.float32, .bf16] {
            let run = try Experiment.load(
                path: path, overrides: ["training.precision=auto"], fileExists: { _ in true }, automaticPrecision: best
            ).runs[0]
            #expect(run.configuration.training.precision == best)
            #expect(try run.configurationHash == hash("training.precision=\(best.rawValue)"))
        }
        #expect(try hash("training.precision=float32") == hash())
    }

    @Test func `a preset and its numbers, epochs and their steps are the same run`() throws {
        let preset = "model: {preset: vit_small, channels: 1}\ntraining: {steps: 937}\n"
        let numbers = """
            model: {preset: custom, width: 384, depth: 12, heads: 6, channels: 1, predictor: {width: 384, depth: 6}}
            training: {steps: 937}

            """
        let epochs = "model: {preset: vit_small, channels: 1}\ntraining: {epochs: 2}\n"
        let first = try load("", base: preset).runs[0]
        #expect(try load("", base: numbers).runs[0].configurationHash == first.configurationHash)
        let spec = epochs + "training.batch_size: 128\ndata.train_subset: 60000\n"
        let plain = preset + "training.batch_size: 128\ndata.train_subset: 60000\n"
        #expect(
            try load("", base: spec, overrides: ["training.epochs=2"]).runs[0].configuration.training.steps == 936)
        #expect(
            try load("", base: plain, overrides: ["training.steps=936"]).runs[0].configurationHash
                == load("", base: spec).runs[0].configurationHash)
    }

    /// Were it another, finished runs would train again.
    @Test func `the hash of a known configuration stays`() throws {
        let json = try load("").runs[0].configuration.identityJSON()
        #expect(json.hasPrefix(#"{"data":{"crop_aspect":[0.75,1.3333333333333333],"crop_scale":[0.3,1],"dataset":"#))
        #expect(!json.contains("threads") && !json.contains("folder") && !json.contains(#""seed""#))
        let known = try hash("masks.context_count=batch")
        #expect(known == "c832b8350b265f145178d35d375ae070e34a03cf220c4f85c928f522a0b7e372")
    }

    @Test func `the canonical JSON is JSON with sorted keys and every value`() throws {
        var configuration = try load("").runs[0].configuration
        configuration.seed = 5
        configuration.set("data.folder", to: "/a \"quoted\"\\path\n")
        let text = configuration.canonicalJSON()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let sorted = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
        let keys = { (json: String) in json.split(separator: "\"").filter { $0.contains("_") } }
        #expect(keys(String(decoding: sorted, as: UTF8.self)) == keys(text))
        #expect(object["seed"] as? Int == 5)
        let data = try #require(object["data"] as? [String: Any])
        #expect(data["folder"] as? String == "/a \"quoted\"\\path\n")
        #expect(try JSONDecoder().decode(RunConfiguration.self, from: Data(text.utf8)) == configuration)
    }

    @Test func `a configuration survives every common encoder`() throws {
        var configuration = try load("optimizer.clip_norm: 2.5\nresources.memory_gib: 12.25").runs[0].configuration
        configuration.seed = 9
        let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
        let plain = try encoder.encode(configuration)
        #expect(try decoder.decode(RunConfiguration.self, from: plain) == configuration)
        #expect(String(decoding: plain, as: UTF8.self).contains(#""start_lr""#))
        encoder.keyEncodingStrategy = .convertToSnakeCase
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let snake = try encoder.encode(configuration)
        #expect(String(decoding: snake, as: UTF8.self).contains(#""memory_gib""#))
        #expect(try decoder.decode(RunConfiguration.self, from: snake) == configuration)
        let run = PlannedRun(
            arm: "a", seed: 9, configuration: configuration, differences: ["schedule.lr": "1"], configurationHash: "00")
        #expect(try decoder.decode(PlannedRun.self, from: encoder.encode(run)) == run)
    }

    @Test(arguments: [
        (#"{"model":{"widht":3}}"#, "widht"), (#"{"model":{"width":"x"}}"#, "model.width"),
        (#"{"schedule":{"lr":-1}}"#, "schedule.lr"),
    ])
    func `a stored configuration that is not one is refused with its key`(json: String, name: String) throws {
        #expect {
            try JSONDecoder().decode(RunConfiguration.self, from: Data(json.utf8))
        } throws: { "\($0)".contains(name) }
    }

    @Test func `the resolved configuration as YAML reads back as itself`() throws {
        let text = "objective.vicreg: {weight: 0.001, projector: {kind: linear, widths: [8]}}\noptimizer.clip_norm: 1"
        let run = try load(text).runs[0].configuration
        #expect(try load("", base: run.yaml()).runs[0].configuration == run)
    }
}
