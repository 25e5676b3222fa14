import Datasets
import Foundation

/// How an encoder of another program was shown its images, where a file beside its weights says so: transformers'
/// preprocessor_config.json, or the pretrained_cfg of timm's config.json.
struct StatedView {
    let file: String
    let normalization: Normalization
    let view: EvaluationView

    /// - Parameters:
    ///   - weights: A folder, or a file of one that has the usual name.
    ///   - imageSize: Side of what the encoder takes, pixels.
    /// - Returns: Nil where nothing is said, or not all of it is understood.
    init?(of weights: String, imageSize: Int) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: weights, isDirectory: &isFolder) else { return nil }
        let url = URL(fileURLWithPath: weights)
        // A file of another name may lie in a folder of anything.
        guard isFolder.boolValue || url.lastPathComponent == "model.safetensors" else { return nil }
        let folder = isFolder.boolValue ? url : url.deletingLastPathComponent()
        func values(_ name: String) -> (file: String, [String: Any])? {
            let file = folder.appendingPathComponent(name).path
            guard let size = (try? FileManager.default.attributesOfItem(atPath: file))?[.size] as? Int, size <= 1 << 20,
                let data = FileManager.default.contents(atPath: file),
                let found = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
            else { return nil }
            return (file, found)
        }
        if let (file, stated) = values("preprocessor_config.json") {
            self.init(transformers: stated, file, imageSize)
        } else if let (file, stated) = values("config.json"), let timm = stated["pretrained_cfg"] as? [String: Any] {
            self.init(timm: timm, file, imageSize)
        } else {
            return nil
        }
    }

    private init?(transformers values: [String: Any], _ file: String, _ imageSize: Int) {
        func flag(_ name: String, usual: Bool) -> Bool { (values[name] as? NSNumber)?.boolValue ?? usual }
        // Pixels are 0…1 before they are normalised, as here.
        let factor = (values["rescale_factor"] as? NSNumber)?.doubleValue ?? 1.0 / 255
        guard flag("do_resize", usual: true), flag("do_rescale", usual: true), flag("do_normalize", usual: true),
            abs(factor - 1.0 / 255) < 1e-6,
            let normalization = Self.normalization(values["image_mean"], values["image_std"])
        else { return nil }
        let interpolation: Interpolation
        switch (values["resample"] as? NSNumber)?.intValue ?? 2 {
        case 2: interpolation = .bilinear
        case 3: interpolation = .bicubic
        default: return nil
        }
        let size = values["size"] as? [String: Any]
        if let short = (size?["shortest_edge"] as? NSNumber)?.intValue {
            let crop = values["crop_size"] as? [String: Any]
            let cropped = (crop?["height"] as? NSNumber)?.intValue ?? (values["crop_size"] as? NSNumber)?.intValue
            guard flag("do_center_crop", usual: true),
                let scaled = Self.shortSide(short, of: cropped ?? imageSize, imageSize)
            else { return nil }
            self.init(file, normalization, EvaluationView(shortSide: scaled, interpolation: interpolation))
        } else {
            // Both sides are given: the image is stretched.
            self.init(file, normalization, EvaluationView(shortSide: nil, interpolation: interpolation))
        }
    }

    private init?(timm values: [String: Any], _ file: String, _ imageSize: Int) {
        guard let normalization = Self.normalization(values["mean"], values["std"]),
            let interpolation = Interpolation(rawValue: values["interpolation"] as? String ?? "bicubic")
        else { return nil }
        let share = (values["crop_pct"] as? NSNumber)?.doubleValue ?? 0.875
        guard share > 0.1, share <= 1 else { return nil }
        switch values["crop_mode"] as? String ?? "center" {
        case "center":
            let short = Int(Double(imageSize) / share)
            self.init(file, normalization, EvaluationView(shortSide: short, interpolation: interpolation))
        case "squash" where share == 1:
            self.init(file, normalization, EvaluationView(shortSide: nil, interpolation: interpolation))
        default: return nil
        }
    }

    private init(_ file: String, _ normalization: Normalization, _ view: EvaluationView) {
        (self.file, self.normalization, self.view) = (file, normalization, view)
    }

    /// The short side that goes with another size of the cut.
    private static func shortSide(_ short: Int, of cut: Int, _ imageSize: Int) -> Int? {
        guard (1...65_536).contains(short), (1...65_536).contains(cut), cut <= short else { return nil }
        return Int((Double(short) * Double(imageSize) / Double(cut)).rounded())
    }

    private static func normalization(_ mean: Any?, _ deviation: Any?) -> Normalization? {
        func numbers(_ value: Any?) -> [Double] {
            (value as? [Any] ?? []).compactMap { ($0 as? NSNumber)?.doubleValue }
        }
        let (means, deviations) = (numbers(mean), numbers(deviation))
        guard [1, 3].contains(means.count), means.count == deviations.count, means.allSatisfy(\.isFinite),
            deviations.allSatisfy({ $0.isFinite && $0 > 0 })
        else { return nil }
        return Normalization(mean: means, standardDeviation: deviations)
    }
}
