import Foundation
import PretrainedWeights
import Safetensors
import TestSupport
import Testing

/// What is said of weights that make no encoder, or another than was meant.
@Suite struct EncoderReadingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func weights(
        _ change: (inout SafetensorsFile) -> Void, from file: SafetensorsFile = SmallWeights.timm(),
        hints: PretrainedWeights.Hints = .init(heads: 2)
    ) throws -> PretrainedWeights {
        var file = file
        change(&file)
        try file.write(to: folder.file("w.safetensors"))
        return try PretrainedWeights(path: folder.file("w.safetensors"), hints: hints)
    }

    private func message(
        from file: SafetensorsFile = SmallWeights.timm(), _ change: (inout SafetensorsFile) -> Void
    ) throws -> String {
        let error = try #require(throws: WeightError.self) { try weights(change, from: file).encoder() }
        #expect(error.file == folder.file("w.safetensors") && !error.remedy.isEmpty)
        return error.description
    }

    @Test func whatIsMissingAndWhatIsLeftOverIsListedWithTheNearestNames() throws {
        let text = try message { file in
            file.tensors["blocks.1.attn.qkv_weight"] = file.tensors.removeValue(forKey: "blocks.1.attn.qkv.weight")
            file.tensors["norm.bias"] = nil
            file.tensors["extra"] = SafetensorsTensor([0] as [Float], shape: [1])
        }
        #expect(
            text.contains("lacks 2: blocks.1.attn.qkv.weight (near: blocks.1.attn.qkv_weight), norm.bias;"), "\(text)")
        #expect(text.contains("it has 2 that are not known: blocks.1.attn.qkv_weight, extra"), "\(text)")
    }

    @Test(arguments: [
        ("cls_token", "class token"), ("fc_norm.weight", "fc_norm=False"), ("blocks.0.ls1.gamma", "LayerScale"),
    ])
    func networksOfAnotherKindAreNamed(_ name: String, _ says: String) throws {
        let text = try message { $0.tensors[name] = SafetensorsTensor([0] as [Float], shape: [1]) }
        #expect(text.contains(name) && text.contains(says), "\(text)")
    }

    @Test func optionalPartsAreNamedAndLeftAlone() throws {
        let weights = try weights { file in
            file.tensors["head.weight"] = SafetensorsTensor([0] as [Float], shape: [1, 1])
            file.tensors["mask_token"] = SafetensorsTensor([0] as [Float], shape: [1, 1, 1])
        }
        #expect(try weights.encoder().remarks == ["not used: head, mask token"])
    }

    @Test func shapesAndTypesThatDoNotFitAreNamed() throws {
        let wrong = try message { $0.tensors["blocks.1.norm1.bias"] = SafetensorsTensor([0] as [Float], shape: [1]) }
        #expect(wrong.contains("tensor \"blocks.1.norm1.bias\": has the shape [1] instead of [16]"), "\(wrong)")
        let integers = try message {
            $0.tensors["norm.bias"] = SafetensorsTensor([Int32](repeating: 0, count: 16), shape: [16])
        }
        #expect(integers.contains("holds I32 instead of floating-point"), "\(integers)")
        let patches = try message {
            $0.tensors["patch_embed.proj.weight"] = SafetensorsTensor([Float](repeating: 0, count: 16), shape: [16, 1])
        }
        #expect(patches.contains("[width, channels, patch, patch]"), "\(patches)")
        let empty = try message {
            $0.tensors["patch_embed.proj.weight"] = SafetensorsTensor([] as [Float], shape: [0, 3, 4, 4])
        }
        #expect(empty.contains("which is none"), "\(empty)")
        let far = try message { file in
            file.tensors["blocks.999999999999.norm1.bias"] = SafetensorsTensor([0] as [Float], shape: [1])
        }
        #expect(far.contains("which is none"), "\(far)")
        let nothing = try message { $0.tensors = ["a.b": SafetensorsTensor([0] as [Float], shape: [1])] }
        #expect(nothing.contains("no vision transformer's patch embedding among its 1 tensors (a.b, …)"), "\(nothing)")
    }

    @Test func theEncoderThatIsMeantIsTheTargetUnlessAnotherIsNamed() throws {
        let both = try weights({ _ in }, from: SmallWeights.checkpoint(), hints: SmallWeights.hints)
        #expect(try both.encoder().role == .target && both.encoder(.context).role == .context)
        let shared = try weights(
            { file in file.tensors = file.tensors.filter { !$0.key.hasPrefix("target_encoder.") } },
            from: SmallWeights.checkpoint(), hints: SmallWeights.hints)
        #expect(try shared.encoder().role == .context)
        let error = try #require(throws: WeightError.self) { try shared.encoder(.target) }
        #expect(error.description.contains("no target_encoder in the file; it has: encoder"), "\(error)")
    }

    @Test func numbersThatAreNotFiniteAreTold() throws {
        let encoder = try weights { file in
            let values: [Float] = [.nan] + [Float](repeating: 1, count: 15)
            file.tensors["norm.bias"] = SafetensorsTensor(values, shape: [16])
        }.encoder()
        #expect(try encoder.values().nonFinite == ["norm.bias"])
    }

    @Test func whatTheFileDoesNotTellIsAssumedOrAskedFor() throws {
        let unsaid = try weights({ _ in }, hints: .init()).encoder()
        #expect(unsaid.geometry.heads == nil && unsaid.geometry.rows == 3)
        let error = try #require(throws: WeightError.self) { try unsaid.geometry.settings(file: "w") }
        #expect(error.description.contains("--heads"), "\(error)")
        let odd = try weights({ file in
            file.tensors["pos_embed"] = SafetensorsTensor([Float](repeating: 1, count: 8 * 16), shape: [1, 8, 16])
        }).encoder()
        let grid = try #require(throws: WeightError.self) { try odd.positions(rows: 3, columns: 3) }
        #expect(grid.description.contains("8 positions make no square grid"), "\(grid)")
        let said = try weights(
            { $0.tensors["pos_embed"] = SafetensorsTensor([Float](repeating: 1, count: 8 * 16), shape: [1, 8, 16]) },
            hints: .init(heads: 2, rows: 2, columns: 4)
        ).encoder()
        #expect(try said.positions(rows: 2, columns: 4).values == [Float](repeating: 1, count: 128))
    }

    @Test func aConfigThatDescribesAnotherNetworkIsAnObjection() throws {
        let start = try weights { _ in }
        let hf = folder.file("hf")
        _ = try WeightExport(start).write(.huggingFace, to: hf)
        let config = hf + "/config.json"
        let text = try String(contentsOfFile: config, encoding: .utf8)
        for (from, to, says) in [
            ("\"hidden_act\" : \"gelu\"", "\"hidden_act\" : \"relu\"", "activation is relu"),
            ("\"qkv_bias\" : true", "\"qkv_bias\" : false", "no bias"),
            ("\"ijepa\"", "\"vit_mae\"", "type \"vit_mae\""),
        ] {
            #expect(text.contains(from))
            try text.replacing(from, with: to).write(toFile: config, atomically: true, encoding: .utf8)
            let error = try #require(throws: WeightError.self) { try PretrainedWeights(path: hf).encoder() }
            #expect(error.description.contains(says), "\(error)")
        }
        try text.replacing("\"layer_norm_eps\" : 1e-06", with: "\"layer_norm_eps\" : 1e-12")
            .write(toFile: config, atomically: true, encoding: .utf8)
        #expect(try PretrainedWeights(path: hf).encoder().remarks.contains { $0.contains("epsilon 1e-12") })
    }
}
