import ExperimentSpec
import Foundation
import Networks
import PretrainedWeights
import Safetensors
import Testing

/// `model.weights` in a spec.
@Suite struct StartingWeightsTests {
    private let folder: SpecFolder

    init() throws {
        folder = try SpecFolder()
        try write(width: 24)
    }

    /// An encoder of the small spec, all of one number, and its predictor where there is one.
    private func write(
        width: Int, predictor: Int? = nil, value: Float = 0.5, heads: Int? = 3, name: String = "w.safetensors"
    ) throws {
        var file = SafetensorsFile()
        if let heads { file.metadata = ["format": "cjepa-exp weights", "heads": "\(heads)"] }
        func add(_ layout: ParameterLayout, _ prefix: String) {
            for entry in layout.entries {
                let values = [Float](repeating: value, count: entry.storedShape.reduce(1, *))
                file.tensors[prefix + entry.name] = SafetensorsTensor(values, shape: entry.storedShape)
            }
        }
        let encoder = VisionTransformer(
            .init(imageSize: 28, patchSize: 4, channels: 1, width: width, depth: 2, heads: 3))
        add(encoder.layout, "target_encoder.")
        if let predictor {
            let sizes = TransformerPredictor.Sizes(encoderWidth: width, width: predictor, depth: 6, heads: 3, grid: 7)
            add(TransformerPredictor(sizes).layout, "predictor.")
        }
        try file.write(to: folder.path + "/" + name)
    }

    private func load(_ text: String) throws -> Experiment {
        try Experiment.load(path: folder.write(smallSpec + text), fileExists: { _ in true })
    }

    private func problem(_ text: String) throws -> String {
        let errors = try #require(throws: SpecErrors.self) { try load(text) }
        return errors.errors.map { "\($0.keyPath ?? ""): \($0.message) → \($0.remedy ?? "")" }.joined(separator: "\n")
    }

    private static let key = "model.weights: w.safetensors\n"

    @Test func anotherContentIsAnotherRunAndAnotherPlaceIsNot() throws {
        let plain = try load("").runs[0]
        let run = try load(Self.key).runs[0]
        #expect(run.configuration.model.weights == folder.path + "/w.safetensors")
        #expect(run.configuration.model.weightContent?.count == 16)
        #expect(run.configurationHash != plain.configurationHash)
        try write(width: 24, name: "other.safetensors")
        #expect(try load("model.weights: other.safetensors\n").runs[0].configurationHash == run.configurationHash)
        try write(width: 24, value: 0.25)
        #expect(try load(Self.key).runs[0].configurationHash != run.configurationHash)
    }

    @Test func aStoredConfigurationReadsBack() throws {
        let configuration = try load(Self.key + "model.weights_encoder: context\n").runs[0].configuration
        let data = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
        let plain = try load("").runs[0].configuration
        #expect(!String(decoding: try JSONEncoder().encode(plain), as: UTF8.self).contains("weights"))
    }

    @Test func whatDoesNotFitIsNamedWithTheKeyThatMakesItFit() throws {
        try write(width: 48)
        #expect(
            try problem(Self.key).contains(
                "model.width: the weights are of an encoder with model.width 48, but it is 24 → set model.width: 48"))
        try write(width: 24, heads: 6)
        #expect(try problem(Self.key).contains("set model.heads: 6"))
        try write(width: 24, heads: nil)
        #expect(try load(Self.key).runs.count == 1)
        #expect(try problem(Self.key + "model.weights_part: both\n").contains("have no predictor"))
        try write(width: 24, predictor: 12)
        #expect(try problem(Self.key + "model.weights_part: both\n").contains("set model.predictor.width: 12"))
        let fitting = Self.key + "model.weights_part: both\nmodel.predictor.width: 12\nmodel.predictor.depth: 6\n"
        #expect(try load(fitting).runs.count == 1)
        #expect(
            try problem("model.weights: none.pth\n").contains("model.weights: \(folder.path)/none.pth: there is no"))
        #expect(try problem(Self.key + "model.weights_content: abc\n").contains("not abc"))
        try folder.write("text", "w.safetensors")
        #expect(try problem(Self.key).contains("is no format of weights"))
    }
}
