import Foundation
import PretrainedWeights
import Safetensors
import TestSupport
import Testing

/// Weights that torch, timm and transformers have written, and what they make of those that this program writes.
@Suite struct ClientTests {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// Where `make test` puts them.
    static let packages = repository.appendingPathComponent(".build/python-weights").path
    static var haveClients: Bool { FileManager.default.fileExists(atPath: packages + "/transformers") }
    /// The size of the networks in Tests/Python/weight_clients.py; CI takes a small one.
    private static let size = ProcessInfo.processInfo.environment["WEIGHT_CLIENT_SIZE"] ?? "odd"
    private static let tolerance: Float = 1e-5

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments =
            [Self.repository.appendingPathComponent("Tests/Python/weight_clients.py").path, arguments[0], folder.path]
            + arguments.dropFirst()
        let own = [
            "PYTHONPATH": Self.packages, "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": folder.path,
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(own) { $1 }
        let log = folder.file("log-\(arguments[0])")
        try Data().write(to: URL(fileURLWithPath: log))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOfFile: log, encoding: .utf8)
        try #require(process.terminationStatus == 0 && text.hasSuffix("OK\n"), "\(text)")
    }

    private struct Sizes: Decodable {
        let width, depth, heads: Int
    }

    /// What each file is, which encoder is asked for, and the features that it must have.
    private static let files: [(String, PretrainedWeights.Format, PretrainedEncoder.Role?, String)] = [
        ("ijepa.pth.tar", .ijepa, nil, "ijepa.target_encoder"), ("ijepa.pth.tar", .ijepa, .context, "ijepa.encoder"),
        ("ijepa-old.pth.tar", .ijepa, .target, "ijepa.target_encoder"),
        ("state_dict.pth", .stateDict, nil, "ijepa.target_encoder"),
        ("transposed.pth", .stateDict, nil, "ijepa.target_encoder"), ("half.pth", .stateDict, nil, "half"),
        ("bfloat16.pth", .stateDict, nil, "bfloat16"), ("double.pth", .stateDict, nil, "double"),
        ("timm.safetensors", .timm, nil, "timm"), ("timm.pth", .stateDict, nil, "timm"),
        ("hf", .huggingFace, nil, "hf"), ("hf/model.safetensors", .huggingFace, nil, "hf"),
        ("hf-shards", .huggingFace, nil, "hf"), ("hf-classes", .huggingFace, nil, "hf-classes"),
    ]

    @Test(
        .enabled(if: haveClients, "torch, timm and transformers are missing: run make setup-weights")
    )
    func weightsOfTheClientsGiveTheirFeatures() throws {
        try run("make", Self.size)
        let sizes = try JSONDecoder().decode(
            Sizes.self, from: Data(contentsOf: URL(fileURLWithPath: folder.file("size.json"))))
        let made = try SafetensorsFile(path: folder.file("features.safetensors"))
        for (name, format, role, features) in Self.files {
            let weights = try PretrainedWeights(
                path: folder.file(name), hints: .init(heads: format == .huggingFace ? nil : sizes.heads))
            #expect(weights.format == format, "\(name)")
            let encoder = try weights.encoder(role)
            #expect(encoder.geometry.width == sizes.width && encoder.geometry.depth == sizes.depth, "\(name)")
            #expect(encoder.geometry.heads == sizes.heads && encoder.geometry.rows == 4, "\(name)")
            let found = try EncoderFeatures.all(encoder, images: made.tensor("images"))
            let difference = EncoderFeatures.difference(found, try made.tensor(features).floats())
            #expect(difference <= Self.tolerance, "\(name)")
        }
    }

    @Test(
        .enabled(if: haveClients, "torch, timm and transformers are missing: run make setup-weights")
    )
    func positionsAreResampledAsTimmDoes() throws {
        try run("resample")
        let made = try SafetensorsFile(path: folder.file("resampled.safetensors"))
        let grid = PositionGrid(rows: 6, columns: 6, width: 12, values: try made.tensor("6x6").floats())
        for (rows, columns) in [(4, 4), (9, 9), (6, 3), (14, 5), (1, 1), (6, 6)] {
            let expected = try made.tensor("\(rows)x\(columns)").floats()
            let found = grid.fitted(rows: rows, columns: columns).values
            #expect(EncoderFeatures.difference(found, expected) <= 1e-5, "\(rows)x\(columns)")
        }
    }

    @Test(
        .enabled(if: haveClients, "torch, timm and transformers are missing: run make setup-weights")
    )
    func theClientsReadWhatIsWritten() throws {
        try run("make", Self.size)
        let sizes = try JSONDecoder().decode(
            Sizes.self, from: Data(contentsOf: URL(fileURLWithPath: folder.file("size.json"))))
        let weights = try PretrainedWeights(path: folder.file("ijepa.pth.tar"), hints: .init(heads: sizes.heads))
        var export = try WeightExport(weights)
        export.preprocessing = Preprocessing(mean: [0.5, 0.25, 0.125], deviation: [0.2, 0.3, 0.4])
        export.card = ModelCard(title: "an encoder")
        for (form, name) in [
            (WeightExport.Form.huggingFace, "written-hf"), (.timm, "written-timm"), (.ijepa, "written-ijepa.pth.tar"),
            (.stateDict, "written-state.pth"),
        ] { _ = try export.write(form, to: folder.file(name)) }
        let images = try SafetensorsFile(path: folder.file("features.safetensors")).tensor("images")
        let features = try EncoderFeatures.all(weights.encoder(), images: images)
        var ours = SafetensorsFile()
        ours.tensors["features"] = SafetensorsTensor(features, shape: [images.shape[0], 16, sizes.width])
        try ours.write(to: folder.file("ours.safetensors"))
        try run("check")
    }
}
