import Foundation
import Networks
import PretrainedWeights
import Safetensors
import TestSupport
import Testing

/// Files of every form with bytes changed, cut out, put in and taken from each other: opened and read to the end, each
/// gives an encoder or an error that names what is wrong.
@Suite("Mutated weights")
struct WeightMutationTests {
    /// More by an environment variable; `make fuzz-images` asks for 10⁵.
    private static let count = ProcessInfo.processInfo.environment["WEIGHT_MUTATIONS"].flatMap { Int($0) } ?? 600
    private static let seed = ProcessInfo.processInfo.environment["IMAGE_MUTATION_SEED"].flatMap { UInt64($0) } ?? 1

    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/weights")

    /// What torch 2.13 has written, and what this program writes; with how many first bytes half of the changes meet.
    static let forms = [
        "tiny.pth", "tiny-old.pth", "tiny-ijepa.pth.tar", "checkpoint", "hf/config.json", "hf/model.safetensors",
        "shards",
    ]

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// The file that is changed, and the path that is opened.
    private func prepare(_ form: String) throws -> (file: String, opened: String) {
        switch form {
        case "checkpoint":
            try SmallWeights.checkpoint().write(to: folder.file("w"))
            return (folder.file("w"), folder.file("w"))
        case "hf/config.json", "hf/model.safetensors":
            try SmallWeights.timm().write(to: folder.file("w"))
            let weights = try PretrainedWeights(path: folder.file("w"), hints: .init(heads: 2))
            _ = try WeightExport(weights).write(.huggingFace, to: folder.file("hf"))
            return (folder.file(form), folder.file("hf"))
        case "shards":
            try SmallWeights.timm().write(to: folder.file("w.safetensors"))
            let names = SmallWeights.timm().tensors.keys.sorted()
            let index = ["weight_map": Dictionary(uniqueKeysWithValues: names.map { ($0, "w.safetensors") })]
            try JSONEncoder().encode(index).write(to: URL(fileURLWithPath: folder.file("model.safetensors.index.json")))
            return (folder.file("model.safetensors.index.json"), folder.path)
        default:
            try FileManager.default.copyItem(
                at: Self.fixtures.appendingPathComponent(form), to: URL(fileURLWithPath: folder.file(form)))
            return (folder.file(form), folder.file(form))
        }
    }

    /// Everything that is done with weights, to the end.
    private func use(_ path: String) throws {
        let weights = try PretrainedWeights(path: path, hints: SmallWeights.hints)
        for role in weights.roles {
            let encoder = try weights.encoder(role)
            let values = try encoder.values()
            #expect(values.parameters.count == encoder.layout.count)
            _ = try encoder.positions(rows: 3, columns: 3)
        }
        _ = try weights.predictor()?.values()
        _ = try WeightExport(weights).write(.safetensors, to: folder.file("out"))
    }

    @Test("A damaged file gives an encoder, or an error with its name", arguments: forms)
    func damaged(_ form: String) throws {
        let (file, opened) = try prepare(form)
        let original = try bytes(file)
        let other = try bytes(Self.fixtures.appendingPathComponent("tiny-old.pth").path)
        try use(opened)
        let around = try Set(FileManager.default.contentsOfDirectory(atPath: folder.path))
        var generator = SeededGenerator(state: Self.seed)
        var (opens, refused) = (0, 0)
        for number in 0..<Self.count {
            let mutated = original.mutated(with: other, head: original.count / 3, using: &generator)
            try Data(mutated).write(to: URL(fileURLWithPath: file))
            do {
                try use(opened)
                opens += 1
            } catch let error as WeightError {
                refused += 1
                #expect(!error.file.isEmpty && !error.remedy.isEmpty, "mutation \(number), seed \(Self.seed): \(error)")
            } catch let error as SafetensorsError {
                refused += 1
                #expect(!error.file.isEmpty && !error.remedy.isEmpty, "mutation \(number), seed \(Self.seed): \(error)")
            }
        }
        #expect(opens + refused == Self.count && refused > Self.count / 10)
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == around)
    }
}
