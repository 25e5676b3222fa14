/// The sizes of mask blocks that a sampler may draw, in patches, for the expected cost of a step; whether masks can be
/// drawn at all is the engine's to say.
///
/// K = floor(N · scale), h = round(sqrt(K · aspect)), w = round(sqrt(K / aspect)), as the public I-JEPA code; a side is
/// cut to the grid's, with the public sampler to one less.
struct BlockSizes: Sendable {
    struct Size: Hashable, Sendable {
        let height: Int
        let width: Int
        var area: Int { height * width }
    }

    let grid: Int
    let scale: [Double]
    let aspect: [Double]
    /// One draw gives scale and aspect (the public code), or one each.
    let areTied: Bool

    init(grid: Int, scale: [Double], aspect: [Double], sampler: MaskConfiguration.Sampler) {
        self.grid = grid
        self.scale = scale
        self.aspect = aspect
        areTied = sampler == .ijepa
    }

    /// The block of two uniform draws in [0, 1]; the second counts only where scale and aspect are drawn apart.
    func size(_ first: Double, _ second: Double) -> Size {
        let ratio = aspect[0] + (areTied ? first : second) * (aspect[1] - aspect[0])
        return size(area: area(first), ratio: ratio)
    }

    /// The most patches of a block, over a fine grid of draws.
    var largestArea: Int {
        let draws = (0...64).map { Double($0) / 64 }
        let areas = areTied ? draws.map { size($0, $0).area } : draws.map { size(1, $0).area }
        return areas.max() ?? 0
    }

    /// The fewest, likewise.
    var smallestArea: Int {
        let draws = (0...64).map { Double($0) / 64 }
        let areas = areTied ? draws.map { size($0, $0).area } : draws.map { size(0, $0).area }
        return areas.min() ?? 0
    }

    private func area(_ draw: Double) -> Double {
        (Double(grid * grid) * (scale[0] + draw * (scale[1] - scale[0]))).rounded(.down)
    }

    private func size(area: Double, ratio: Double) -> Size {
        let limit = Double(areTied ? max(grid - 1, 0) : grid)
        return Size(
            height: Int(min((area * ratio).squareRoot().rounded(.toNearestOrEven), limit)),
            width: Int(min((area / ratio).squareRoot().rounded(.toNearestOrEven), limit)))
    }
}

extension MaskConfiguration {
    func targetSizes(grid: Int) -> BlockSizes {
        BlockSizes(grid: grid, scale: targetScale, aspect: targetAspect, sampler: sampler)
    }

    func contextSizes(grid: Int) -> BlockSizes {
        BlockSizes(grid: grid, scale: contextScale, aspect: contextAspect, sampler: sampler)
    }
}
