package import TensorCore

/// A seeded choice of patches, one number each: image · N + patch.
///
/// All patches of a data set are too many to measure (10,000 images of 196 patches of width 768 are 6 GB), and a few
/// thousand drawn at random say the same. Drawn without replacement from all pairs of image and patch.
package struct PatchChoice: Sendable, Hashable {
    package let images: Int
    /// N.
    package let patchesPerImage: Int
    /// image · N + patch, ascending.
    package let places: [Int]
    /// Of each image's first chosen patch in `places`, [images + 1].
    private let firstRows: [Int]

    /// - Parameters:
    ///   - wanted: How many patches; all of them where there are no more.
    ///   - seed: Equal seeds choose equal patches.
    package init(images: Int, patchesPerImage: Int, rows wanted: Int, seed: UInt64) {
        precondition(images >= 0 && patchesPerImage > 0 && wanted >= 0, "\(wanted) of \(images)×\(patchesPerImage)")
        self.images = images
        self.patchesPerImage = patchesPerImage
        places = RandomStream.distinct(wanted, below: images * patchesPerImage, seed: seed)
        var firstRows = [Int](repeating: 0, count: images + 1)
        for place in places { firstRows[place / patchesPerImage + 1] += 1 }
        for image in 0..<images { firstRows[image + 1] += firstRows[image] }
        self.firstRows = firstRows
    }

    /// The rows of a feature matrix that hold this image's chosen patches.
    package func rows(ofImage image: Int) -> Range<Int> { firstRows[image]..<firstRows[image + 1] }

    /// The patch of its image that a row is about, 0..<N.
    package func patch(ofRow row: Int) -> Int { places[row] % patchesPerImage }
}

extension RandomStream {
    /// `count` different numbers below `bound`, ascending; all of them where there are no more (Floyd, CACM 30, 1987).
    package static func distinct(_ count: Int, below bound: Int, seed: UInt64) -> [Int] {
        guard count < bound else { return Array(0..<bound) }
        var stream = RandomStream(seed: seed, purpose: .diagnostics)
        var chosen: Set<Int> = []
        chosen.reserveCapacity(count)
        for last in (bound - count)..<bound {
            let drawn = stream.integer(below: last + 1)
            if !chosen.insert(drawn).inserted { chosen.insert(last) }
        }
        return chosen.sorted()
    }
}

/// Features of some patches of every image, and the same minus their image's mean: what differs within an image.
package struct PatchFeatures: Sendable {
    /// [rows, D].
    package let patches: FeatureMatrix
    /// Patch minus the mean over all N patches of its image, [rows, D].
    package let residuals: FeatureMatrix
    /// N: how many patches the means were taken over.
    package let patchesPerImage: Int

    package init(patches: FeatureMatrix, residuals: FeatureMatrix, patchesPerImage: Int) {
        precondition(
            patches.rows == residuals.rows && patches.columns == residuals.columns && patchesPerImage > 0,
            "\(patches.rows)×\(patches.columns) patches with \(residuals.rows)×\(residuals.columns) residuals")
        self.patches = patches
        self.residuals = residuals
        self.patchesPerImage = patchesPerImage
    }
}

extension FeatureMatrix {
    /// Mean over each image's patches, in Double.
    ///
    /// - Parameter tokens: [B, N, D], row-major.
    package static func pooled(_ tokens: [Float], images: Int, patches: Int, columns: Int) -> FeatureMatrix {
        precondition(
            tokens.count == images * patches * columns, "\(tokens.count) for [\(images), \(patches), \(columns)]")
        var values: [Float] = []
        values.reserveCapacity(images * columns)
        var sums = [Double](repeating: 0, count: columns)
        for image in 0..<images {
            for j in 0..<columns { sums[j] = 0 }
            for patch in 0..<patches {
                let start = (image * patches + patch) * columns
                for j in 0..<columns { sums[j] += Double(tokens[start + j]) }
            }
            for j in 0..<columns { values.append(Float(sums[j] / Double(patches))) }
        }
        return FeatureMatrix(rows: images, columns: columns, values: values)
    }
}

extension PatchFeatures {
    /// Chosen patches of features that are all in memory.
    ///
    /// - Parameters:
    ///   - tokens: [B, N, D], row-major.
    ///   - pooled: Their means over patches, [B, D].
    ///   - choice: Of B images with N patches each.
    package init(_ tokens: [Float], pooled: FeatureMatrix, choice: PatchChoice) {
        let (columns, count) = (pooled.columns, choice.places.count)
        precondition(
            tokens.count == choice.images * choice.patchesPerImage * columns && pooled.rows == choice.images,
            "\(tokens.count) values for \(choice.images)×\(choice.patchesPerImage)×\(columns)")
        var (patches, residuals): ([Float], [Float]) = ([], [])
        patches.reserveCapacity(count * columns)
        residuals.reserveCapacity(count * columns)
        for place in choice.places {
            let image = place / choice.patchesPerImage
            for j in 0..<columns {
                let value = tokens[place * columns + j]
                patches.append(value)
                residuals.append(value - pooled.values[image * columns + j])
            }
        }
        self.init(
            patches: FeatureMatrix(rows: count, columns: columns, values: patches),
            residuals: FeatureMatrix(rows: count, columns: columns, values: residuals),
            patchesPerImage: choice.patchesPerImage)
    }
}
