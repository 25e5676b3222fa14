import Foundation

/// How images are made ready for the encoder.
package struct Preprocessing: Sendable, Hashable {
    /// Per channel, of pixels from 0 to 1; those of ImageNet unless said otherwise.
    package var mean: [Double]
    package var deviation: [Double]
    /// Resized by bicubic interpolation, else by bilinear.
    package var isBicubic = true
    /// The short side is resized to this and the central square cut out; none: the whole image is resized.
    package var shortSide: Int?

    package init(mean: [Double] = [0.485, 0.456, 0.406], deviation: [Double] = [0.229, 0.224, 0.225]) {
        self.mean = mean
        self.deviation = deviation
    }
}

/// The files in JSON that tell transformers and timm what network the weights are for.
extension WeightExport {
    /// IJepaConfig's keys, with the epsilon that the network was trained with and not the default of transformers.
    func huggingFaceConfig() throws -> Data {
        let geometry = encoder.geometry
        let size: Any = imageSize.height == imageSize.width ? imageSize.width : [imageSize.height, imageSize.width]
        return try Self.json([
            "architectures": ["IJepaModel"], "attention_probs_dropout_prob": 0.0, "hidden_act": "gelu",
            "hidden_dropout_prob": 0.0, "hidden_size": geometry.width, "image_size": size, "initializer_range": 0.02,
            "intermediate_size": geometry.hiddenWidth, "layer_norm_eps": 1e-6, "model_type": "ijepa",
            "num_attention_heads": try geometry.knownHeads(file: encoder.file), "num_channels": geometry.channels,
            "num_hidden_layers": geometry.depth, "patch_size": geometry.patchSize, "qkv_bias": true,
            "dtype": "float32", "torch_dtype": "float32",
        ])
    }

    /// ViTImageProcessor's keys, which resizes whole images and cuts nothing out: with the mean and deviation of the data
    /// that it was trained on.
    func preprocessorConfig() throws -> Data {
        try Self.json([
            "image_processor_type": "ViTImageProcessor", "do_resize": true,
            "size": ["height": imageSize.height, "width": imageSize.width], "resample": preprocessing.isBicubic ? 3 : 2,
            "do_rescale": true,
            "rescale_factor": 1.0 / 255, "do_normalize": true, "image_mean": preprocessing.mean,
            "image_std": preprocessing.deviation,
        ])
    }

    /// The file that timm reads from a folder: a known architecture, and the arguments that make it this network.
    func timmConfig() throws -> Data {
        let geometry = encoder.geometry
        let side = min(imageSize.height, imageSize.width)
        let share = preprocessing.shortSide.map { Double(side) / Double(max($0, side)) }
        let arguments: [String: Any] = [
            "img_size": [imageSize.height, imageSize.width], "patch_size": geometry.patchSize,
            "in_chans": geometry.channels, "embed_dim": geometry.width, "depth": geometry.depth,
            "num_heads": try geometry.knownHeads(file: encoder.file), "mlp_ratio": geometry.mlpRatio,
            "class_token": false, "global_pool": "avg", "fc_norm": false,
        ]
        return try Self.json([
            "architecture": "vit_small_patch16_224", "num_classes": 0, "num_features": geometry.width,
            "global_pool": "avg", "model_args": arguments,
            "pretrained_cfg": [
                "custom_load": false, "input_size": [geometry.channels, imageSize.height, imageSize.width],
                "fixed_input_size": true, "interpolation": preprocessing.isBicubic ? "bicubic" : "bilinear",
                "crop_pct": share ?? 1.0, "crop_mode": share == nil ? "squash" : "center",
                "mean": preprocessing.mean, "std": preprocessing.deviation, "num_classes": 0, "pool_size": NSNull(),
                "first_conv": "patch_embed.proj", "classifier": "head",
            ] as [String: Any],
        ])
    }

    private static func json(_ values: [String: Any]) throws -> Data {
        try JSONSerialization.data(
            withJSONObject: values, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
            + Data("\n".utf8)
    }
}
