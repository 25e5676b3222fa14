package import TensorCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A part of an image, in pixels.
package struct CropRegion: Sendable, Hashable {
    package let top: Int
    package let left: Int
    package let height: Int
    package let width: Int

    package init(top: Int, left: Int, height: Int, width: Int) {
        self.top = top
        self.left = left
        self.height = height
        self.width = width
    }
}

/// Chooses a random part of an image as torchvision's transform of the same name does.
package struct RandomResizedCrop: Sendable, Hashable {
    /// Smallest and largest share of the image's area.
    package let scale: [Double]
    /// Smallest and largest ratio of width to height.
    package let aspect: [Double]

    /// - Throws: `DatasetError` for ranges that are none.
    package init(scale: [Double], aspect: [Double]) throws {
        for (key, range, limit) in [("data.crop_scale", scale, 1), ("data.crop_aspect", aspect, Double.infinity)] {
            guard range.count == 2, range[0] > 0, range[0] <= range[1], range[1] <= limit, range[1].isFinite else {
                throw DatasetError(
                    place: key, problem: "\(range) is not a range",
                    remedy: "give the smallest and the largest value, above 0"
                        + (limit == 1 ? " and at most 1" : ""))
            }
        }
        self.scale = scale
        self.aspect = aspect
    }

    /// A share of the area (uniform) and an aspect ratio (log-uniform), at a uniform place.
    ///
    /// What does not fit is drawn again; after ten tries the largest central part with an allowed aspect ratio is taken.
    package func region(height: Int, width: Int, random: inout RandomStream) -> CropRegion {
        let area = Double(height * width)
        for _ in 0..<10 {
            let target = area * random.uniform(in: scale[0]...scale[1])
            let ratio = exp(random.uniform(in: log(aspect[0])...log(aspect[1])))
            let w = (target * ratio).squareRoot().rounded(.toNearestOrEven)
            let h = (target / ratio).squareRoot().rounded(.toNearestOrEven)
            if w > 0 && h > 0 && w <= Double(width) && h <= Double(height) {
                let top = random.integer(below: height - Int(h) + 1)
                let left = random.integer(below: width - Int(w) + 1)
                return CropRegion(top: top, left: left, height: Int(h), width: Int(w))
            }
        }
        return centralRegion(height: height, width: width)
    }

    private func centralRegion(height: Int, width: Int) -> CropRegion {
        let ratio = Double(width) / Double(height)
        var (h, w) = (height, width)
        if ratio < aspect[0] {
            h = min(height, max(1, Int((Double(width) / aspect[0]).rounded(.toNearestOrEven))))
        } else if ratio > aspect[1] {
            w = min(width, max(1, Int((Double(height) * aspect[1]).rounded(.toNearestOrEven))))
        }
        return CropRegion(top: (height - h) / 2, left: (width - w) / 2, height: h, width: w)
    }
}
