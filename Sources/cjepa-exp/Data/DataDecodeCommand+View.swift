import ArgumentParser
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import ImageCodecs
import Training

extension DataDecodeCommand {
    /// How a network sees images.
    struct ViewSettings {
        let side: Int
        let channels: Int
        let crop: RandomResizedCrop
        let view: EvaluationView
        let appliesOrientation: Bool
        let isFast: Bool
        let limits: ImageLimits
        /// The spec's; none: ImageNet's.
        let normalization: Normalization?
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
        var limits = ImageLimits()
        if case .integer(let pixels)? = configuration?.value(of: "data.max_pixels") { limits.pixels = pixels }
        if case .integer(let bytes)? = configuration?.value(of: "data.max_bytes") { limits.bytes = bytes }
        return ViewSettings(
            side: side, channels: givenChannels ?? configuration?.model.channels ?? 3,
            crop: try crop(of: configuration?.data ?? RunConfiguration().data),
            view: EvaluationView(
                shortSide: short ?? Int((Double(side) * 256 / 224).rounded()),
                interpolation: interpolation ?? text("data.interpolation").flatMap { Interpolation(rawValue: $0) }
                    ?? .bilinear),
            appliesOrientation: exif || configuration?.value(of: "data.exif_orientation") == true,
            isFast: fast || text("data.decode") == "fast", limits: limits,
            normalization: view == nil || mean != nil ? nil : try configuration.flatMap(specNormalization))
    }

    /// What the runs of a spec normalise pixels with; none: ImageNet's numbers.
    ///
    /// - Throws: `DatasetError` where that is found in images that are not there.
    private func specNormalization(_ configuration: RunConfiguration) throws -> Normalization? {
        func numbers(_ key: String) -> [Double] {
            guard case .list(let values) = configuration.value(of: key) else { return [] }
            return values.compactMap {
                switch $0 {
                case .integer(let value): Double(value)
                case .number(let value): value
                default: nil
                }
            }
        }
        switch configuration.value(of: "data.normalization") {
        case .text("imagenet"): return nil
        case .text("numbers"):
            let (mean, deviation) = (numbers("data.mean"), numbers("data.std"))
            if mean.count == deviation.count,
                let given = Normalization(mean: mean, standardDeviation: deviation)
                    .converted(toChannels: configuration.model.channels)
            {
                return given
            }
        default: break
        }
        return try DatasetSplits.load(configuration, progress: Console.scanning).train.normalization
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
