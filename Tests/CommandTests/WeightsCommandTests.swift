import Foundation
import Testing

/// `cjepa-exp weights` on a run of the smoke test.
@Suite(.smokeRun) struct WeightsCommandTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func weights(_ arguments: String...) throws -> Program {
        let results = arguments[0] == "convert" ? [] : ["--results", SmokeRun.results]
        return try Program.run(["weights"] + arguments + results)
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func showSaysWhatACheckpointIs() throws {
        let answer = try weights("show", "smoke/ijepa-s0", "--json").checkedJSON()
        #expect(answer["format"] as? String == "checkpoint" && answer["problem"] == nil)
        let encoders = try #require(answer["encoders"] as? [[String: Any]])
        #expect(encoders.map { $0["role"] as? String } == ["encoder", "target_encoder"])
        for encoder in encoders {
            #expect(encoder["heads"] as? Int == 3 && encoder["rows"] as? Int == 7 && encoder["width"] as? Int == 24)
        }
        #expect((answer["predictor"] as? [String: Any])?["width"] as? Int == 12)
        let tensors = try #require(answer["tensors"] as? [[String: Any]])
        let norm = try #require(tensors.first { $0["name"] as? String == "encoder.norm.weight" })
        #expect(norm["type"] as? String == "F32" && norm["shape"] as? [Int] == [24] && norm["non_finite"] as? Int == 0)
        let plain = try weights("show", "smoke/ijepa-s0")
        #expect(
            plain.status == 0 && plain.output.contains("target_encoder: ViT/4, width 24, 2 blocks, 3 heads"), "\(plain)"
        )
    }

    @Test func anExportedRunComesWithACardAndGoesThroughEveryForm() throws {
        let hf = folder.path + "/hf"
        let export = try weights("export", "smoke/ijepa-s0", "--to", "hf", "--output", hf, "--license", "mit")
        #expect(export.status == 0, "\(export.error)")
        let names = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]
        #expect(export.output == names.map { "\(hf)/\($0)\n" }.joined())
        #expect(export.error.contains("writing the target_encoder of"))
        let card = try text(hf + "/README.md")
        for part in [
            "license: mit", "| knn_20 | ", "fashion_mnist_sample", "24 steps of 32 images", "width: 24",
            "| configuration hash |",
        ] { #expect(card.contains(part), "\(part) in \(card)") }
        // Where the data lies on this machine is not told.
        #expect(card.contains("  folder: ") && !card.contains(Program.repository))
        // Predictions of the last evaluation are stored, so accuracies have intervals.
        #expect(card.contains(/\| knn_20 \| 0\.\d+ \| 0\.\d+ to 0\.\d+ \|/), "\(card)")
        let config = try #require(
            JSONSerialization.jsonObject(with: Data(text(hf + "/config.json").utf8)) as? [String: Any])
        #expect(config["layer_norm_eps"] as? Double == 1e-6 && config["num_attention_heads"] as? Int == 3)
        let processor = try #require(
            JSONSerialization.jsonObject(with: Data(text(hf + "/preprocessor_config.json").utf8)) as? [String: Any])
        let mean = try #require((processor["image_mean"] as? [Double])?.first)
        // Of Fashion-MNIST, about 0.286.
        #expect(abs(mean - 0.286) < 0.02)

        var last = hf
        for (form, name, more) in [
            ("timm", "timm", ["--mean", "0.3", "--std", "0.35"]), ("state_dict", "s.pth", []),
            ("ijepa", "i.pth.tar", []),
            ("safetensors", "o.safetensors", []),
        ] {
            let output = folder.path + "/" + name
            let heads = ["s.pth", "i.pth.tar"].contains((last as NSString).lastPathComponent) ? ["--heads", "3"] : []
            let program = try Program.run(
                ["weights", "convert", last, "--to", form, "--output", output] + more + heads)
            #expect(program.status == 0, "\(form): \(program.error)")
            last = output
        }
        let same = try weights("compare", "smoke/ijepa-s0", last, "--json").checkedJSON()
        #expect(same["equal"] as? Bool == true && (same["tensors"] as? [Any])?.count == 29)
        let other = try weights("compare", "smoke/ijepa-s0", "smoke/cjepa-s0")
        #expect(other.status == 0 && other.output.contains(" tensors are equal"), "\(other)")
        #expect(!other.output.contains("all 29"))
    }

    @Test func whatCannotBeDoneIsSaidBeforeAnythingIsWritten() throws {
        let existing = try folder.write("not weights", to: "x.pth")
        for (arguments, says) in [
            (["show", existing], "is no format of weights that is read here"),
            (["show", folder.path], "is a folder without model.safetensors"),
            (["show", folder.path + "/none"], "is neither a file or folder of weights nor a run"),
            (["export", "smoke/ijepa-s0", "--to", "state_dict", "--output", existing], "exists already"),
            (["export", "smoke/ijepa-s0", "--to", "hf", "--output", existing], "is a file, where hf is a folder"),
            (["export", "smoke/ijepa-s0", "--to", "hf", "--output", "x", "--step", "7"], "no checkpoint of step 7"),
            (["export", existing, "--to", "hf", "--output", folder.path + "/y"], "is no run"),
            (
                ["export", "smoke/ijepa-s0", "--to", "hf", "--output", folder.path + "/y", "--image-size", "30"],
                "patches of 4 do not tile images of 30×30"
            ),
            (["export", "smoke/ijepa-s0", "--to", "onnx", "--output", "x"], "onnx"),
            (["export", "smoke/ijepa-s0", "--to", "hf", "--output", "x", "--encoder", "both"], "both"),
        ] {
            let program = try Program.run(["weights"] + arguments + ["--results", SmokeRun.results])
            #expect(program.status == 64 && program.error.contains(says), "\(arguments): \(program.error)")
            #expect(program.output.isEmpty)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.pth"])
        #expect(try text(existing) == "not weights")
    }

    @Test func aRunStartsFromWeightsAndIsNamedByTheirContent() throws {
        let hf = folder.path + "/hf"
        #expect(try weights("export", "smoke/ijepa-s0", "--to", "hf", "--output", hf).status == 0)
        let results = folder.path + "/results"
        let run = try Program.run([
            "run", SmokeRun.spec, "--results", results, "--only", "ijepa", "--set", "model.weights=\(hf)", "--set",
            "training.steps=2", "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        let runs = try #require(try run.json()["runs"] as? [[String: Any]])
        let path = try #require(runs.first?["path"] as? String)
        // Two steps from there, and not from initial values: those are farther away than the matrices are long.
        let end = try weights("compare", hf, path, "--json").checkedJSON()
        let tensors = try #require(end["tensors"] as? [[String: Any]])
        for tensor in tensors where (tensor["shape"] as? [Int] ?? []).count > 1 {
            #expect(try #require(tensor["relative_difference"] as? Double) < 0.05, "\(tensor)")
        }
        #expect(end["equal"] as? Bool == false)
        // Another place is the same run, which is done.
        try FileManager.default.moveItem(atPath: hf, toPath: folder.path + "/moved")
        let again = try Program.run([
            "run", SmokeRun.spec, "--results", results, "--only", "ijepa", "--set",
            "model.weights=\(folder.path)/moved", "--set", "training.steps=2", "--json",
        ])
        let skipped = try #require(try again.json()["runs"] as? [[String: Any]])
        #expect(skipped.first?["result"] as? String == "skipped" && skipped.first?["path"] as? String == path)
    }
}
