import Declarations
import ExperimentSpec
import Foundation
import Testing

@Suite struct ShippedSpecTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func load(_ name: String) throws -> Experiment {
        let path = Self.repository.appendingPathComponent("experiments/\(name).spec").path
        return try Experiment.load(path: path, fileExists: { _ in true })
    }

    @Test(arguments: [
        ("ablation", 4), ("barlow", 3), ("cifar10", 4), ("ema", 8), ("fashion-ablation", 12), ("smoke", 3),
        ("terms", 8), ("vicreg-weight", 10), ("imagenet-base", 8), ("imagenet-large", 2),
    ])
    func `the shipped specs load`(name: String, arms: Int) throws {
        let experiment = try load(name)
        #expect(experiment.name == name)
        #expect(experiment.arms.count == arms)
        #expect(experiment.arms.contains(experiment.baseline))
        #expect(!experiment.question.isEmpty && !experiment.expected.isEmpty && !experiment.expectations.isEmpty)
    }

    @Test(arguments: [
        ("imagenet-tiny", "ViT-T/16", 8, [100, 600]), ("imagenet-small", "ViT-S/16", 2, [100]),
        ("imagenet-base", "ViT-B/16", 8, [100, 600]), ("imagenet-large", "ViT-L/16", 2, [600]),
    ])
    func `the specs of the paper have its settings but for what they say`(
        name: String, network: String, arms: Int, epochs: [Int]
    ) throws {
        let experiment = try load(name)
        #expect(experiment.arms.count == arms)
        let comparison = try #require(PaperComparison(experiment.runs))
        #expect(comparison.network == network)
        #expect(comparison.differences.map(\.key) == ["evaluation.train_images"])
        for run in experiment.runs {
            let length = try #require(run.configuration.training.epochs)
            #expect(epochs.contains(length))
            // 625 whole batches of 2,048 images.
            #expect(run.configuration.training.steps == length * 625)
            #expect(abs(run.configuration.schedule.warmup * Double(length) - 15) < 1e-9)
        }
    }

    @Test func `what differs from the paper is told with the arms that it concerns`() throws {
        var runs = try load("imagenet-tiny").runs
        runs[0].configuration.optimizer.betas = [0.9, 0.95]
        let found = try #require(PaperComparison(runs)).differences
        #expect(found.map(\.key) == ["optimizer.betas", "evaluation.train_images"])
        #expect(found[0].value == "[0.9, 0.95]" && found[0].paper == "[0.9, 0.999]" && found[0].isFromCode)
        #expect(found[0].arms == [runs[0].arm] && found[1].arms.isEmpty)
        for index in runs.indices { runs[index].configuration.model.imageSize = 96 }
        #expect(PaperComparison(runs) == nil)
    }

    @Test func `every spec in experiments loads and begins with its question`() throws {
        let folder = Self.repository.appendingPathComponent("experiments")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".spec") }
        #expect(files.count >= 3)
        for file in files {
            _ = try load(String(file.dropLast(5)))
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            #expect(text.hasPrefix("# Question:") && text.contains("# Command:") && text.contains("# Time:"))
        }
    }

    @Test(arguments: [
        ("ablation", ["ijepa", "cjepa"], ["ema", "shared"]),
        ("fashion-ablation", ["ijepa", "varcov", "cjepa", "strong"], ["ema", "shared", "gradient"]),
    ])
    func `the ablations cross every objective with every target encoder`(
        name: String, objectives: [String], targets: [String]
    ) throws {
        let experiment = try load(name)
        #expect(experiment.baseline == "ijepa.ema")
        #expect(experiment.arms == objectives.flatMap { objective in targets.map { "\(objective).\($0)" } })
        #expect(Set(experiment.runs.map(\.seed)).count >= 3)
    }

    @Test func `the arms of the ablation on Fashion-MNIST have the settings that their names say`() throws {
        let experiment = try load("fashion-ablation")
        let run = try #require(experiment.runs.first { $0.arm == "varcov.gradient" })
        #expect(run.configuration.value(of: "objective.vicreg.invariance") == 0.0)
        #expect(run.configuration.value(of: "objective.vicreg.variance") == 25.0)
        #expect(run.configuration.value(of: "target_encoder.kind") == "shared_with_gradient")
    }

    /// Run with RECORD_DOCS=1 to write the table into docs/spec.md.
    @Test func `the documentation has the table of keys as it is`() throws {
        let file = Self.repository.appendingPathComponent("docs/spec.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let (begin, end) = ("<!-- keys: made from SpecKey.all, checked by a test -->\n", "\n<!-- end of keys -->")
        let start = try #require(text.range(of: begin)?.upperBound)
        let stop = try #require(text.range(of: end)?.lowerBound)
        if String(text[start..<stop]) == SpecKey.markdownTable() { return }
        if ProcessInfo.processInfo.environment["RECORD_DOCS"] == "1" {
            let updated = text[..<start] + SpecKey.markdownTable() + text[stop...]
            try String(updated).write(to: file, atomically: true, encoding: .utf8)
        }
        Issue.record("docs/spec.md is out of date; RECORD_DOCS=1 writes it")
    }

    @Test func `the schema is JSON and knows every key, its bounds and its default`() throws {
        let data = Data(ExperimentSchema.json().utf8)
        let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["additionalProperties"] as? Bool == false)
        let properties = try #require(schema["properties"] as? [String: Any])
        for key in SpecKey.all {
            var node: [String: Any] = ["properties": properties]
            for part in key.path.split(separator: ".") {
                let below = try #require(node["properties"] as? [String: Any], "\(key.path)")
                node = try #require(below[String(part)] as? [String: Any], "\(key.path)")
            }
            #expect(node["description"] as? String == key.documentation)
            #expect(node["default"] != nil)
        }
        let weight = try #require(properties["objective.vicreg.weight"] as? [String: Any])
        #expect(weight["minimum"] as? Int == 0)
        #expect(weight["type"] as? String == "number")
        for name in ["name", "question", "expected", "expect", "inherit", "seeds", "matrix", "baseline"] {
            #expect(properties[name] != nil)
        }
    }
}
