package import Networks

/// Sizes of an encoder in a file, and what the file does not tell.
package struct EncoderGeometry: Sendable, Hashable {
    /// Patches in a column and in a row of the images that it was trained on; none where the file does not tell.
    package var rows: Int?
    package var columns: Int?
    package let patchSize: Int
    package let channels: Int
    package let width: Int
    package let depth: Int
    /// Width of the hidden layer of a block's MLP.
    package let hiddenWidth: Int
    /// None where neither the file nor its width tells.
    package var heads: Int?
    /// The file does not tell, and they are those of the public sizes of that width.
    package var headsAreAssumed = false
    /// Epsilon of its LayerNorms, where the file tells; this program's is 1e-6.
    package internal(set) var epsilon: Double?

    /// Patches in a column and in a row; none where the file does not tell.
    package var grid: (rows: Int, columns: Int)? { rows.flatMap { rows in columns.map { (rows, $0) } } }

    /// Whether so many rows and columns of patches are a grid, and not so many that their table would fill the memory.
    static func isGrid(_ rows: Int, _ columns: Int) -> Bool {
        (1...4096).contains(rows) && (1...4096).contains(columns) && rows * columns <= 1 << 16
    }

    /// Hidden width divided by width, such that `VisionTransformer.Settings` finds the hidden width again.
    package var mlpRatio: Double { ratio(of: hiddenWidth, to: width) }

    /// Where the encoder's parameters lie in a flat vector; neither heads nor the size of images matter.
    package var layout: ParameterLayout {
        VisionTransformer(
            VisionTransformer.Settings(
                imageSize: patchSize, patchSize: patchSize, channels: channels, width: width, depth: depth, heads: 1,
                mlpRatio: mlpRatio)
        ).layout
    }

    /// Heads by width of the sizes in the public code (models/vision_transformer.py): tiny to giant.
    package static let publicHeads = [192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 16]

    /// "ViT-S/16" for the public sizes, else "ViT/16".
    package var name: String {
        let sizes: [(String, Int, Int)] = [
            ("Ti", 192, 12), ("S", 384, 12), ("B", 768, 12), ("L", 1024, 24), ("H", 1280, 32), ("g", 1408, 40),
        ]
        let known = sizes.first { $0.1 == width && $0.2 == depth }.map { "ViT-\($0.0)/\(patchSize)" }
        return known ?? "ViT/\(patchSize)"
    }

    /// The encoder as a network of this program.
    ///
    /// - Parameter imageSize: Side of the images in pixels; none: that of the images that it was trained on.
    /// - Throws: `WeightError` in the name of `file` where the heads or the size are not known or do not fit.
    package func settings(imageSize: Int? = nil, file: String) throws -> VisionTransformer.Settings {
        let trained = rows == columns ? rows.map { $0 * patchSize } : nil
        guard let size = imageSize ?? trained else {
            throw WeightError(
                file: file,
                message: rows == nil
                    ? "the size of the images is not in the file"
                    : "was trained on images of \((rows ?? 0) * patchSize)×\((columns ?? 0) * patchSize), and only square "
                        + "ones are encoded here",
                remedy: "say the side of the images in pixels, a multiple of \(patchSize)")
        }
        guard size >= patchSize, size.isMultiple(of: patchSize), Self.isGrid(size / patchSize, size / patchSize)
        else {
            throw WeightError(
                file: file, message: "patches of \(patchSize) do not tile images of \(size)",
                remedy: "say a multiple of \(patchSize)")
        }
        let heads = try knownHeads(file: file)
        return VisionTransformer.Settings(
            imageSize: size, patchSize: patchSize, channels: channels, width: width, depth: depth, heads: heads,
            mlpRatio: mlpRatio)
    }

    /// - Throws: `WeightError` where the heads are not known or do not divide the width.
    package func knownHeads(file: String) throws -> Int {
        guard let heads else {
            throw WeightError(
                file: file, message: "the number of heads is not in the file, and width \(width) is of no public size",
                remedy: "say it by --heads")
        }
        guard heads >= 1, width.isMultiple(of: heads) else {
            throw WeightError(
                file: file, message: "\(heads) heads do not divide the width \(width)",
                remedy: "say the heads that it was trained with")
        }
        return heads
    }
}

/// A ratio of two widths that gives the larger one again, rounded down as networks do it.
func ratio(of hidden: Int, to width: Int) -> Double {
    let ratio = Double(hidden) / Double(width)
    return Int(Double(width) * ratio) == hidden ? ratio : ratio.nextUp
}
