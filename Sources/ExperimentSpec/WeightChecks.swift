import Declarations
import Networks
package import PretrainedWeights
import Safetensors

/// Looks at the weights that runs start from: whether they fit, and what they are, so that another content is another run.
struct WeightChecks {
    /// What is known of a file; arms seldom differ in it.
    private struct Known {
        let weights: PretrainedWeights
        let content: String
    }

    private var known: [String: Result<Known, WeightError>] = [:]

    /// Fills in the content of `model.weights`.
    ///
    /// - Returns: What is wrong with the file.
    mutating func complete(_ configuration: inout RunConfiguration) -> [SpecFinding] {
        guard let path = configuration.model.weights else { return [] }
        let result = known[path] ?? Result { () throws(WeightError) in try Self.look(at: path) }
        known[path] = result
        do {
            let known = try result.get()
            if let given = configuration.model.weightContent, given != known.content {
                return [
                    SpecFinding(
                        ["model.weights_content", "model.weights"],
                        message: "the weights have the content \(known.content), not \(given.prefix(40))",
                        remedy: "put back the weights that were meant, or leave the key out")
                ]
            }
            configuration.model.weightContent = known.content
            return []
        } catch {
            return [Self.finding(error)]
        }
    }

    /// Whether the weights fit a configuration that is valid without them.
    ///
    /// - Returns: What keeps it from starting with them.
    func findings(in configuration: RunConfiguration) -> [SpecFinding] {
        guard let path = configuration.model.weights, case .success(let known) = known[path] else { return [] }
        do {
            return try Self.findings(known.weights, configuration)
        } catch {
            return [Self.finding(error)]
        }
    }

    private static func finding(_ error: WeightError) -> SpecFinding {
        SpecFinding(
            ["model.weights"], message: "\(error.file): \(error.tensor.map { "\($0): " } ?? "")\(error.message)",
            remedy: error.remedy)
    }

    private static func look(at path: String) throws(WeightError) -> Known {
        do {
            let file = try WeightFile(path: path)
            return Known(weights: try PretrainedWeights(file), content: try file.contentDigits())
        } catch let error as WeightError {
            throw error
        } catch let error as SafetensorsError {
            throw WeightError(file: error.file, tensor: error.tensor, message: error.message, remedy: error.remedy)
        } catch {
            throw WeightError(file: path, message: "cannot be read: \(error)", remedy: "check the file")
        }
    }

    // MARK: Whether they fit

    private static func findings(
        _ weights: PretrainedWeights, _ configuration: RunConfiguration
    ) throws(WeightError) -> [SpecFinding] {
        do {
            let model = configuration.model
            var findings: [SpecFinding] = []
            if model.weightPart != .predictor { findings += try encoderFindings(weights, model) }
            if model.weightPart != .encoder { findings += try predictorFindings(weights, configuration) }
            return findings
        } catch let error as WeightError {
            throw error
        } catch {
            throw WeightError(file: weights.path, message: "cannot be read: \(error)", remedy: "check the file")
        }
    }

    private static func encoderFindings(
        _ weights: PretrainedWeights, _ model: ModelConfiguration
    ) throws -> [SpecFinding] {
        let encoder = try weights.startingEncoder(model.weightEncoder)
        let geometry = encoder.geometry
        var sizes = [
            ("width", geometry.width, model.width), ("depth", geometry.depth, model.depth),
            ("patch_size", geometry.patchSize, model.patchSize), ("channels", geometry.channels, model.channels),
        ]
        // Where the file does not tell, the spec does.
        if let heads = geometry.heads, !geometry.headsAreAssumed { sizes.append(("heads", heads, model.heads)) }
        var findings = sizes.filter { $0.1 != $0.2 }.map { name, found, wanted in
            SpecFinding(
                ["model.\(name)", "model.preset", "model.weights"],
                message: "the weights are of an encoder with model.\(name) \(found), but it is \(wanted)",
                remedy: "set model.\(name): \(found)")
        }
        if Int(Double(model.width) * model.mlpRatio) != geometry.hiddenWidth, geometry.width == model.width {
            findings.append(
                SpecFinding(
                    ["model.mlp_ratio", "model.weights"],
                    message: "the weights are of an encoder with \(geometry.hiddenWidth) hidden units in an MLP",
                    remedy: "set model.mlp_ratio: \(SpecValue.shortest(geometry.mlpRatio))"))
        }
        if let positions = try encoder.positions(), !positions.isSineCosine {
            findings.append(
                SpecFinding(
                    ["model.weights"],
                    message: "the weights have positions of their own, and training computes the sine-cosine table",
                    remedy: "give weights that were trained with that table, as I-JEPA's"))
        }
        return findings
    }

    private static func predictorFindings(
        _ weights: PretrainedWeights, _ configuration: RunConfiguration
    ) throws -> [SpecFinding] {
        func finding(_ message: String, _ remedy: String) -> SpecFinding {
            SpecFinding(["model.weights_part", "model.weights"], message: message, remedy: remedy)
        }
        guard let predictor = try weights.predictor() else {
            return [finding("the weights have no predictor", "set model.weights_part: encoder")]
        }
        let wanted = configuration.predictor.layout.entries.map { "\($0.name) \($0.storedShape)" }
        guard wanted == predictor.layout.entries.map({ "\($0.name) \($0.storedShape)" }) else {
            return [
                finding(
                    "the weights' predictor has width \(predictor.width), depth \(predictor.depth) and takes encoders of "
                        + "width \(predictor.encoderWidth), which is not that of the run",
                    "set model.predictor.width: \(predictor.width) and model.predictor.depth: \(predictor.depth), or "
                        + "model.weights_part: encoder")
            ]
        }
        return []
    }
}

extension PretrainedWeights {
    /// The encoder that training starts from: of weights with one, that one.
    ///
    /// - Throws: `WeightError` where its tensors do not fit.
    package func startingEncoder(_ wanted: EvaluationConfiguration.Encoder) throws -> PretrainedEncoder {
        try encoder(roles.count == 1 ? nil : wanted == .target ? .target : .context)
    }
}
