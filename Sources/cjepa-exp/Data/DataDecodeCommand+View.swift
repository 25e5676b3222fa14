import ArgumentParser
import Datasets
import Declarations
import ExperimentSpec
import Foundation

extension DataDecodeCommand {
    /// How a network sees images.
    struct ViewSettings {
        let side: Int
        let channels: Int
        let crop: RandomResizedCrop
        let view: EvaluationView
        let appliesOrientation: Bool
        let isFast: Bool
    }

    static func pair(_ numbers: [Double]) -> String {
        numbers.map { String(format: "%.4g", $0) }.joined(separator: ",")
    }

    /// Those of the options, else those of the spec, else the usual ones.
    func viewSettings() throws -> ViewSettings {
        let configuration = try spec.map { spec in
            // The file is given: the spec's own images need not be there.
            try loadSpec(spec, toleratesMissingData: true).run(ofArm: arm, spec: spec).configuration
        }
        let side = size ?? configuration?.model.imageSize ?? DataImages.defaultSide
        func text(_ key: String) -> String? {
            if case .text(let value)? = configuration?.value(of: key) { value } else { nil }
        }
        var short = shortSide
        if short == nil, size == nil, case .integer(let given)? = configuration?.value(of: "data.view_short_side") {
            short = given
        }
        return ViewSettings(
            side: side, channels: givenChannels ?? configuration?.model.channels ?? 3,
            crop: try crop(of: configuration?.data ?? RunConfiguration().data),
            view: EvaluationView(
                shortSide: short ?? Int((Double(side) * 256 / 224).rounded()),
                interpolation: interpolation ?? text("data.interpolation").flatMap { Interpolation(rawValue: $0) }
                    ?? .bilinear),
            appliesOrientation: exif || configuration?.value(of: "data.exif_orientation") == true,
            isFast: fast || text("data.decode") == "fast")
    }

    /// - Throws: `ValidationError` for what are no two numbers that a crop can have.
    func crop(of data: DataConfiguration) throws -> RandomResizedCrop {
        func numbers(_ text: String?, _ name: String, _ usual: [Double], below limit: Double) throws -> [Double] {
            guard let text else { return usual }
            let values = text.split(separator: ",", omittingEmptySubsequences: false)
                .compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
            guard values.count == 2, values[0] <= values[1], values.allSatisfy({ $0 > 0 && $0 <= limit }) else {
                throw ValidationError(
                    "\(name) takes two numbers separated by a comma, the smaller first, above 0"
                        + (limit.isFinite ? " and up to \(Int(limit))" : "") + ", not “\(text)”.")
            }
            return values
        }
        return try RandomResizedCrop(
            scale: numbers(cropScale, "--crop-scale", data.cropScale, below: 1),
            aspect: numbers(cropAspect, "--crop-aspect", data.cropAspect, below: 1000))
    }
}
