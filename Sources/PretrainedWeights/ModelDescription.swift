import Foundation

/// What a config.json beside weights says of the network: that of transformers, or that of timm.
struct ModelDescription: Sendable {
    var rows: Int?
    var columns: Int?
    var patchSize: Int?
    var heads: Int?
    var epsilon: Double?
    /// What this program's network does not do, as sentences; empty where it fits.
    var objections: [String] = []

    /// - Returns: Nil for a file that describes something else.
    /// - Throws: `WeightError` for a file that cannot be read.
    init?(path: String) throws {
        let data = try FileContent.all(of: path)
        guard data.count <= 1 << 20, let json = try? JSONSerialization.jsonObject(with: data),
            let values = json as? [String: Any]
        else {
            throw WeightError(
                file: path, message: "is not a JSON object that describes a network",
                remedy: "put back the config.json that belongs to the weights")
        }
        if let type = values["model_type"] as? String {
            try self.init(transformers: values, type: type, path: path)
        } else if let architecture = values["architecture"] as? String, architecture.hasPrefix("vit") {
            self.init(timm: values)
        } else {
            return nil
        }
    }

    private init(transformers values: [String: Any], type: String, path: String) throws {
        guard type == "ijepa" else {
            throw WeightError(
                file: path, message: "describes a network of the type \"\(type.prefix(40))\", not \"ijepa\"",
                remedy: "give an IJepaModel or IJepaForImageClassification")
        }
        // Defaults as in IJepaConfig.
        let (patch, image) = (
            Self.pair(values["patch_size"]) ?? [16, 16], Self.pair(values["image_size"]) ?? [224, 224]
        )
        if patch[0] == patch[1] { patchSize = patch[0] } else { objections.append("its patches are not square") }
        if patch.allSatisfy({ $0 > 0 }) { (rows, columns) = (image[0] / patch[0], image[1] / patch[1]) }
        heads = Self.integer(values["num_attention_heads"]) ?? 12
        epsilon = (values["layer_norm_eps"] as? NSNumber)?.doubleValue ?? 1e-12
        let activation = values["hidden_act"] as? String ?? "gelu"
        if activation != "gelu" { objections.append("its activation is \(activation.prefix(40)), not gelu") }
        if (values["qkv_bias"] as? NSNumber)?.boolValue == false {
            objections.append("its queries, keys and values have no bias")
        }
    }

    private init(timm values: [String: Any]) {
        let arguments = values["model_args"] as? [String: Any] ?? [:]
        heads = Self.integer(arguments["num_heads"])
        patchSize = Self.integer(arguments["patch_size"])
        let input = (values["pretrained_cfg"] as? [String: Any])?["input_size"] as? [Any] ?? []
        let sizes = input.compactMap { Self.integer($0) }
        let image = Self.pair(arguments["img_size"]) ?? (sizes.count == 3 ? Array(sizes.suffix(2)) : nil)
        if let image, let patchSize, patchSize > 0 {
            (rows, columns) = (image[0] / patchSize, image[1] / patchSize)
        }
        if arguments["class_token"].flatMap({ ($0 as? NSNumber)?.boolValue }) == true {
            objections.append("it has a class token")
        }
    }

    private static func integer(_ value: Any?) -> Int? {
        guard let number = (value as? NSNumber)?.doubleValue, let integer = Int(exactly: number),
            (0...1_000_000).contains(integer)
        else { return nil }
        return integer
    }

    /// One number for both sides, or two: height and width.
    private static func pair(_ value: Any?) -> [Int]? {
        if let side = integer(value) { return [side, side] }
        guard let sides = value as? [Any], sides.count == 2 else { return nil }
        let integers = sides.compactMap { integer($0) }
        return integers.count == 2 ? integers : nil
    }
}
