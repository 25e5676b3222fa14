import Datasets
import Pictures
import Training

/// Draws attention maps: one row for each image with the image, then of each encoder the mean over heads and every head.
struct AttentionFigure {
    let target: AttentionMaps
    let context: AttentionMaps

    private static let gap = 8
    /// Between the encoders.
    private static let wideGap = 24
    private static let margin = 18
    private static let textScale = 2
    /// Of images and maps; smaller images are enlarged by a whole factor.
    private static let wantedSide = 112
    private static let smallSide = 96
    private static let ink = RGBColor(grey: 60)
    private static let hot = RGBColor(213, 40, 0)

    private var lineHeight: Int { RGBImage.textHeight(scale: Self.textScale) + 6 }

    func draw(_ images: [RGBImage]) -> RGBImage {
        let side = images.first?.width ?? 1
        let factor = max(1, Self.wantedSide / side)
        let (width, height) = (side * factor, (images.first?.height ?? 1) * factor)
        let heads = target.heads.first?.count ?? 0
        let panels = 1 + heads
        let group = panels * (width + Self.gap) - Self.gap
        let top = Self.margin + 2 * lineHeight
        var canvas = RGBImage(
            width: 2 * Self.margin + width + 2 * (Self.wideGap + group),
            height: top + images.count * (height + Self.gap) - Self.gap + Self.margin)
        let starts = [Self.margin + width + Self.wideGap, Self.margin + width + 2 * Self.wideGap + group]
        canvas.write("image", x: Self.margin, y: Self.margin + lineHeight, color: Self.ink, scale: Self.textScale)
        for (start, title) in zip(starts, ["target encoder", "context encoder"]) {
            canvas.write(title, x: start, y: Self.margin, color: Self.ink, scale: Self.textScale)
            for panel in 0..<panels {
                canvas.write(
                    panel == 0 ? "mean" : "head \(panel - 1)", x: start + panel * (width + Self.gap),
                    y: Self.margin + lineHeight, color: Self.ink, scale: Self.textScale)
            }
        }
        for (row, image) in images.enumerated() {
            let y = top + row * (height + Self.gap)
            let large = image.enlarged(by: factor)
            canvas.draw(large, x: Self.margin, y: y)
            for (start, maps) in zip(starts, [target, context]) {
                for (panel, map) in ([maps.means[row]] + maps.heads[row]).enumerated() {
                    canvas.draw(
                        overlay(map, grid: maps.grid, on: large), x: start + panel * (width + Self.gap), y: y)
                }
            }
        }
        return canvas
    }

    /// The images with the mean over heads of both encoders alone, in small: one of many such pictures on a page.
    func drawMeans(_ images: [RGBImage]) -> RGBImage {
        let small = images.map { image in
            image.width > Self.smallSide
                ? image.reduced(by: max(1, image.width / Self.smallSide))
                : image.enlarged(by: max(1, Self.smallSide / image.width))
        }
        let (width, height) = (small.first?.width ?? 1, small.first?.height ?? 1)
        let columns: [(String, AttentionMaps?)] = [("image", nil), ("target", target), ("context", context)]
        var canvas = RGBImage(
            width: columns.count * (width + Self.gap) + Self.gap,
            height: Self.gap + lineHeight + images.count * (height + Self.gap))
        for (column, (title, maps)) in columns.enumerated() {
            let x = Self.gap + column * (width + Self.gap)
            canvas.write(title, x: x, y: Self.gap, color: Self.ink, scale: Self.textScale)
            for (row, image) in small.enumerated() {
                let panel = maps.map { overlay($0.means[row], grid: $0.grid, on: image) } ?? image
                canvas.draw(panel, x: x, y: Self.gap + lineHeight + row * (height + Self.gap))
            }
        }
        return canvas
    }

    /// The image in grey, with each patch the redder the more attention it gets.
    private func overlay(_ map: [Double], grid: Int, on image: RGBImage) -> RGBImage {
        var panel = image
        panel.fill(
            x: 0, y: 0, width: panel.width, height: panel.height, color: RGBColor(grey: 255), opacity: 0.35)
        let (least, most) = (map.min() ?? 0, map.max() ?? 0)
        for (patch, value) in map.enumerated() {
            // Borders of patches at whole pixels, also where the side is no multiple of the grid.
            let (row, column) = (patch / grid, patch % grid)
            let (left, right) = (column * panel.width / grid, (column + 1) * panel.width / grid)
            let (top, bottom) = (row * panel.height / grid, (row + 1) * panel.height / grid)
            panel.fill(
                x: left, y: top, width: right - left, height: bottom - top, color: Self.hot,
                opacity: most > least ? 0.85 * (value - least) / (most - least) : 0)
        }
        return panel
    }
}

extension ImageDataset {
    /// What evaluations see of an image, as it is, grey or in colour.
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    func picture(_ index: Int) throws -> RGBImage {
        let (size, channels, values) = try picture(of: index, side: 224)
        return RGBImage(
            width: size.width, height: size.height,
            pixels: (0..<size.height * size.width).flatMap { place in
                (0..<3).map { values[place * channels + min($0, channels - 1)] }
            })
    }
}
