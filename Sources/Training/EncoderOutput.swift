package import Networks

/// What of an encoder's work is taken as the features of an image; all of it through the encoder's final LayerNorm.
package enum EncoderOutput: Sendable, Hashable {
    /// The output of a block, counted from 1, averaged over patches, [D]; none: of the last block.
    case mean(layer: Int?)
    /// The same of each patch, [N, D].
    case patches(layer: Int?)
    /// Averages over patches of the last four blocks (or all, if there are fewer), concatenated as DINO's evaluation does,
    /// [4·D].
    case lastFour

    /// Extents of one image's features.
    package func shape(of settings: VisionTransformer.Settings) -> [Int] {
        switch self {
        case .mean: [settings.width]
        case .patches: [settings.patchCount, settings.width]
        case .lastFour: [min(4, settings.depth) * settings.width]
        }
    }

    /// Whether averages over patches are wanted.
    var isPooled: Bool { if case .patches = self { false } else { true } }

    /// Which part of an image's features, counted in what one block gives, is that of a block; none: no part.
    ///
    /// - Parameter layer: From 0; none: the encoder's output.
    func place(ofLayer layer: Int?, depth: Int) -> Int? {
        switch self {
        case .mean(let wanted), .patches(let wanted):
            // The encoder's output is the last block's through the LayerNorm, so nothing is computed twice.
            let found = wanted == depth ? nil : wanted
            return found == layer.map { $0 + 1 } ? 0 : nil
        case .lastFour:
            guard let layer else { return nil }
            let place = layer - (depth - min(4, depth))
            return place >= 0 ? place : nil
        }
    }

    /// Features of some images that are put together.
    struct Values {
        /// One row for each image.
        private(set) var rows: [Float]
        private let images: Int

        init(_ output: EncoderOutput, images: Int, of settings: VisionTransformer.Settings) {
            self.images = images
            rows = Array(repeating: 0, count: images * output.shape(of: settings).reduce(1, *))
        }

        /// - Parameters:
        ///   - values: One part of each image's features, of equal size for all.
        ///   - place: Which part.
        mutating func take<Scalar: BinaryFloatingPoint>(_ values: [Scalar], at place: Int) {
            let floats = values as Any as? [Float] ?? values.map { Float($0) }
            let (width, part) = (rows.count / images, floats.count / images)
            for image in 0..<images {
                let target = image * width + place * part
                rows.replaceSubrange(target..<(target + part), with: floats[(image * part)..<((image + 1) * part)])
            }
        }
    }
}
