import ExperimentSpec
import Kernels
import Networks
import PretrainedWeights
import Safetensors
import TensorCore

/// Weights that were trained before, from which a run starts (`model.weights`).
///
/// Numbers are read from the file when they are asked for: they exist once, in the state that is trained.
package struct StartingWeights: Sendable {
    private let encoder: PretrainedEncoder?
    private let predictor: PretrainedPredictor?

    /// - Returns: Nil for a configuration that starts from initial values.
    /// - Throws: `TrainingError` where the file is not there, does not fit, or is not what the run was planned with.
    init?(_ configuration: RunConfiguration) throws {
        let model = configuration.model
        guard let path = model.weights else { return nil }
        (encoder, predictor) = try Self.explaining {
            let file = try WeightFile(path: path)
            let content = try file.contentDigits()
            guard content == model.weightContent else {
                throw TrainingError(
                    description: "\(path): the weights have the content \(content), but the run was planned with "
                        + "\(model.weightContent ?? "none"); put those back, or run the spec again")
            }
            let weights = try PretrainedWeights(file)
            return (
                model.weightPart == .predictor ? nil : try weights.startingEncoder(model.weightEncoder),
                model.weightPart == .encoder ? nil : try weights.predictor()
            )
        }
    }

    /// The values of a parameter of a network ("encoder"); none where it starts from initial values.
    func values(of entry: ParameterLayout.Entry, network: String) throws -> [Float]? {
        let values = try Self.explaining {
            switch network {
            case "encoder": try encoder?.values(of: entry.name)
            case "predictor": try predictor?.values(of: entry.name)
            default: nil as [Float]?
            }
        }
        guard let values else { return nil }
        guard values.count == entry.slot.shape.count else {
            throw TrainingError(
                description:
                    "model.weights: \(network).\(entry.name) has \(values.count) elements, but the configuration "
                    + "needs \(entry.slot.shape.count); run the spec again")
        }
        guard values.allSatisfy(\.isFinite) else {
            throw TrainingError(
                description:
                    "model.weights: \(network).\(entry.name) holds numbers that are not finite; start from others")
        }
        return values
    }

    private static func explaining<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as WeightError {
            let place = error.tensor.map { ": \($0)" } ?? ""
            throw TrainingError(description: "\(error.file)\(place): \(error.message); \(error.remedy)")
        } catch let error as SafetensorsError {
            throw TrainingError(description: "\(error.file): \(error.message); \(error.remedy)")
        }
    }
}
