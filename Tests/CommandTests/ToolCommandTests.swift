import Foundation
import Testing

/// Commands that need no results: masks, selftest, schema.
@Suite struct ToolCommandTests {
    private let smoke = SmokeRun.spec

    @Test func masksAreDrawnAndCounted() throws {
        let folder = try TemporaryFolder()
        let picture = folder.path + "/masks.png"
        let masks = try Program.run([
            "masks", smoke, "--arm", "cjepa", "--rows", "2", "--batches", "5", "--output", picture, "--json",
        ]).checkedJSON()
        #expect(masks["arm"] as? String == "cjepa")
        #expect(masks["picture"] as? String == picture)
        #expect((masks["statistics"] as? [String: Any])?["batches"] as? Int == 5)
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        #expect(try Data(contentsOf: URL(fileURLWithPath: picture)).prefix(8) == Data(signature))
    }

    @Test(arguments: [
        (["masks", "experiments/smoke.spec", "--arm", "nope"], "error: there is no arm nope\n    → the arms are "),
        (["selftest", "--golden", "/nonexistent.safetensors"], "/nonexistent.safetensors: error: "),
        (["run", "experiments/smoke.spec", "--results", "/proc/results"], "/proc/results/smoke: error: the folder"),
    ])
    func whatCannotBeUsedIsNamedWithARemedy(arguments: [String], text: String) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 64)
        #expect(program.error.contains(text), "\(program.error)")
        #expect(program.error.contains("\n    → "), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    @Test func aGoldenFileThatIsNotFoundIsAnErrorOfUsage() throws {
        // A copy of the program far from any checkout, in a folder that is none.
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: Program.path, toPath: folder.path + "/cjepa-exp")
        let program = try Program.run(["selftest"], executable: folder.path + "/cjepa-exp", in: folder.path)
        #expect(program.status == 64)
        #expect(
            program.error.contains("Tests/Golden/tiny.safetensors: error: not found in a checkout"), "\(program.error)")
    }

    @Test func theSelftestPassesOnTheShippedFile() throws {
        let report = try Program.run(["selftest", "--json"]).checkedJSON()
        #expect(report["passes"] as? Bool == true)
        let groups = try #require(report["groups"] as? [[String: Any]])
        #expect(groups.map { $0["group"] as? String } == ["outputs", "gradients", "weights_after_steps"])
        #expect(try Program.run(["selftest"]).output.contains("tolerance 1e-05: ok"))
    }

    @Test func oneAlteredNumberFailsTheSelftest() throws {
        let folder = try TemporaryFolder()
        let golden = URL(fileURLWithPath: Program.repository + "/Tests/Golden/tiny.safetensors")
        var bytes = try Data(contentsOf: golden)
        // Eight bytes of length, the header in JSON, then the tensors.
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(
            try JSONSerialization.jsonObject(with: bytes[8..<(8 + length)]) as? [String: Any])
        let tensor = try #require(header["grad.encoder.norm.weight"] as? [String: Any])
        let offsets = try #require(tensor["data_offsets"] as? [Int])
        #expect(tensor["dtype"] as? String == "F32")
        // The sign and the exponent of the tensor's first number.
        bytes[8 + length + offsets[0] + 3] ^= 0x81
        let altered = folder.path + "/altered.safetensors"
        try bytes.write(to: URL(fileURLWithPath: altered))
        let program = try Program.run(["selftest", "--golden", altered])
        #expect(program.status == 1, "\(program.error)")
        #expect(program.output.contains("FAILED") && program.output.contains("grad.encoder.norm.weight"))
    }

    @Test func theSchemaIsJSON() throws {
        let schema = try Program.run(["schema"])
        #expect(schema.status == 0)
        let object = try schema.json()
        #expect(object["$schema"] != nil)
        #expect((object["properties"] as? [String: Any])?["matrix"] != nil)
    }
}
