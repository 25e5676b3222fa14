import Foundation
import Networks
import Safetensors
import Testing

/// `embed` with weights that are no run's.
extension EmbedCommandTests {
    /// The run's target encoder under the names that PyTorch's networks have, without anything that says whose it is.
    private func writePlainWeights(_ name: String) throws {
        let run = try #require(
            try FileManager.default.contentsOfDirectory(atPath: SmokeRun.results + "/smoke").first {
                $0.hasPrefix("cjepa-s0")
            })
        let checkpoint = try SafetensorsFile(path: "\(SmokeRun.results)/smoke/\(run)/checkpoint-24.safetensors")
        var plain = SafetensorsFile()
        let prefix = "target_encoder."
        for (name, tensor) in checkpoint.tensors where name.hasPrefix(prefix) {
            plain.tensors[String(name.dropFirst(prefix.count))] = tensor
        }
        let positions = PositionEmbedding.table(width: 24, rows: 7, columns: 7).map { Float($0) }
        plain.tensors["pos_embed"] = SafetensorsTensor(positions, shape: [1, 49, 24])
        try plain.write(to: folder.path + "/" + name)
    }

    @Test func weightsOfOtherProgramsGiveTheFeaturesThatTheRunGives() throws {
        try writePlainWeights("plain.safetensors")
        let spec = Program.repository + "/" + SmokeRun.spec
        #expect(try embed("-o", "run.safetensors", "--data", spec, "--layer", "1").status == 0)
        let made = try embed(
            "-o", "made.safetensors", "--data", spec, "--heads", "3", "--layer", "1", from: "plain.safetensors")
        #expect(made.status == 0, "\(made.error)")
        let (own, other) = (try file("run.safetensors"), try file("made.safetensors"))
        #expect(other.metadata["weights"] == "plain.safetensors" && other.metadata["run"] == nil)
        #expect(try own.tensor("features") == other.tensor("features"))
        #expect(try own.tensor("labels") == other.tensor("labels"))
        let blind = try embed("-o", "x.npz", "--heads", "3", from: "plain.safetensors")
        #expect(blind.status == 64 && blind.error.contains("name them by --data"), "\(blind.error)")
        let larger = try embed(
            "-o", "l.safetensors", "--data", spec, "--heads", "3", "--image-size", "32", "--pool", "patches",
            from: "plain.safetensors")
        #expect(larger.status == 0, "\(larger.error)")
        #expect(try file("l.safetensors").tensor("features").shape == [500, 64, 24])
        let odd = try embed(
            "-o", "x.npz", "--data", spec, "--heads", "3", "--image-size", "30", from: "plain.safetensors")
        #expect(odd.status == 64 && odd.error.contains("do not tile"), "\(odd.error)")
    }

    @Test(arguments: ["hf", "timm", "ijepa", "state_dict", "safetensors"])
    func whatWeightsExportWritesGivesTheSameFeatures(_ form: String) throws {
        let name = ["ijepa": "w.pth.tar", "state_dict": "w.pth", "safetensors": "w.safetensors"][form] ?? form
        let exported = try run([
            "weights", "export", "cjepa-s0", "--results", SmokeRun.results, "--to", form, "--output", name,
        ])
        #expect(exported.status == 0, "\(exported.error)")
        let spec = Program.repository + "/" + SmokeRun.spec
        // hf and timm tell the heads.
        let heads = ["hf", "timm"].contains(form) ? [] : ["--heads", "3"]
        let arguments = ["-o", "made.safetensors", "--data", spec] + heads
        let made = try run(["embed", name] + arguments)
        #expect(made.status == 0, "\(made.error)")
        #expect(try embed("-o", "own.safetensors", "--data", spec).status == 0)
        #expect(try file("made.safetensors").tensor("features") == file("own.safetensors").tensor("features"))
    }

    @Test func imagesAreShownAsAFileBesideTheWeightsSays() throws {
        try makeImages(3)
        for form in ["hf", "timm"] {
            let exported = try run([
                "weights", "export", "cjepa-s0", "--results", SmokeRun.results, "--to", form, "--output", form,
            ])
            #expect(exported.status == 0, "\(exported.error)")
        }
        func origin(_ weights: String, _ more: String...) throws -> [String: String] {
            let made = try run(["embed", weights, "--data", "images", "-o", "a.npy", "--force", "--json"] + more)
            #expect(made.status == 0, "\(made.error)")
            return try #require(made.json()["origin"] as? [String: String])
        }
        for form in ["hf", "timm"] {
            let found = try origin(form)
            // Fashion-MNIST's own numbers.
            #expect(found["normalization_mean"]?.hasPrefix("0.286") == true && found["short_side"] == "whole image")
            #expect(found["interpolation"] == "bilinear")
            let given = try origin(form, "--mean", "0.5", "--std", "0.5", "--short-side", "30")
            #expect(given["normalization_mean"] == "0.5" && given["short_side"] == "30")
        }
        func change(_ file: String, _ body: (inout [String: Any]) throws -> Void) throws {
            let url = URL(fileURLWithPath: folder.path + "/" + file)
            var values = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
            try body(&values)
            try JSONSerialization.data(withJSONObject: values).write(to: url)
        }
        try change("hf/preprocessor_config.json") { values in
            (values["size"], values["crop_size"]) = (["shortest_edge": 64], ["height": 56, "width": 56])
            (values["resample"], values["image_mean"], values["image_std"]) = (3, [0.25], [0.5])
        }
        let cut = try origin("hf")
        #expect(cut["short_side"] == "32" && cut["interpolation"] == "bicubic" && cut["normalization_mean"] == "0.25")
        try change("timm/config.json") { values in
            var stated = try #require(values["pretrained_cfg"] as? [String: Any])
            (stated["crop_pct"], stated["crop_mode"], stated["interpolation"]) = (0.875, "center", "bicubic")
            values["pretrained_cfg"] = stated
        }
        let central = try origin("timm")
        #expect(central["short_side"] == "32" && central["interpolation"] == "bicubic")
        // What is not understood says nothing: ImageNet's numbers, here of the luma.
        try change("hf/preprocessor_config.json") { $0["rescale_factor"] = 1 }
        let usual = try origin("hf")
        #expect(usual["normalization_mean"]?.hasPrefix("0.458") == true && usual["short_side"] == "32")
    }
}
