import Masking
import Pictures

/// Draws masks: one row per image with the image, its context and its target blocks, then two maps of coverage.
struct MasksFigure {
    let grid: PatchGrid
    let patchSize: Int

    private static let gap = 10
    private static let margin = 18
    private static let textScale = 2
    /// Of images and maps; images smaller than this are enlarged by a whole factor.
    private static let wantedSide = 160
    private static let ink = RGBColor(grey: 60)
    /// Bluish, so that it is not taken for a part of a grey image.
    static let hiddenColor = RGBColor(203, 215, 235)
    /// Colours that people with colour-blindness can tell apart (Okabe and Ito).
    private static let palette = [
        RGBColor(230, 159, 0), RGBColor(86, 180, 233), RGBColor(0, 158, 115), RGBColor(204, 121, 167),
        RGBColor(213, 94, 0), RGBColor(0, 114, 178), RGBColor(240, 228, 66),
    ]

    private var textBand: Int { RGBImage.textHeight(scale: Self.textScale) + 8 }

    func draw(_ masks: MaskBatch, on images: [RGBImage], _ statistics: MaskStatistics) -> RGBImage {
        let side = images.first?.width ?? grid.width * patchSize
        let factor = max(1, Self.wantedSide / side)
        let cell = Cell(columns: grid.width, patch: patchSize * factor)
        let (width, height) = (grid.width * cell.patch, grid.height * cell.patch)
        let panels = 2 + masks.blocks
        let mapBand = textBand + height + textBand
        var canvas = RGBImage(
            width: 2 * Self.margin + max(panels, 4) * (width + Self.gap) - Self.gap,
            height: 2 * Self.margin + textBand + images.count * (height + Self.gap) + Self.gap + mapBand)
        func left(_ panel: Int) -> Int { Self.margin + panel * (width + Self.gap) }

        let titles = ["image", "context"] + (1...masks.blocks).map { "target \($0)" }
        for (panel, title) in titles.enumerated() {
            let color = panel < 2 ? Self.ink : Self.color(block: panel - 2)
            canvas.write(title, x: left(panel), y: Self.margin, color: color, scale: Self.textScale)
        }
        for (row, image) in images.enumerated() {
            let top = Self.margin + textBand + row * (height + Self.gap)
            let large = image.enlarged(by: factor)
            canvas.draw(large, x: left(0), y: top)
            canvas.draw(context(of: masks, image: row, on: large, cell), x: left(1), y: top)
            for block in 0..<masks.blocks {
                let panel = target(of: masks, block: block, image: row, on: large, cell)
                canvas.draw(panel, x: left(2 + block), y: top)
            }
        }
        let top = Self.margin + textBand + images.count * (height + Self.gap) + Self.gap
        let maps = [("in context", statistics.contextCoverage, 5), ("in a target", statistics.targetCoverage, 4)]
        for (index, (title, shares, color)) in maps.enumerated() {
            drawMap(shares, title: title, color: Self.palette[color], at: (left(index), top), cell, on: &canvas)
        }
        return canvas
    }

    /// Side of an enlarged patch, and how patch indices turn into places.
    private struct Cell {
        let columns: Int
        let patch: Int

        func place(_ index: Int32) -> (x: Int, y: Int) { (Int(index) % columns * patch, Int(index) / columns * patch) }
    }

    private static func color(block: Int) -> RGBColor { palette[block % palette.count] }

    /// What the context encoder sees; the rest is grey.
    private func context(of masks: MaskBatch, image: Int, on picture: RGBImage, _ cell: Cell) -> RGBImage {
        var panel = picture
        let seen = Set(masks.context(image: image))
        for patch in 0..<Int32(grid.count) where !seen.contains(patch) {
            let (x, y) = cell.place(patch)
            panel.fill(x: x, y: y, width: cell.patch, height: cell.patch, color: Self.hiddenColor)
        }
        drawGrid(on: &panel, cell)
        return panel
    }

    /// The image faded, but for one target block.
    private func target(of masks: MaskBatch, block: Int, image: Int, on picture: RGBImage, _ cell: Cell) -> RGBImage {
        var panel = picture
        panel.fill(x: 0, y: 0, width: panel.width, height: panel.height, color: Self.hiddenColor, opacity: 0.8)
        let patches = masks.target(block: block, image: image)
        for (left, top) in patches.map(cell.place) {
            for y in top..<top + cell.patch {
                for x in left..<left + cell.patch { panel[x, y] = picture[x, y] }
            }
        }
        drawGrid(on: &panel, cell)
        // One frame where the patches are a rectangle, else one for each.
        let frame = masks.targetSize ?? BlockSize(height: 1, width: 1)
        for (left, top) in (masks.targetSize == nil ? patches : patches.prefix(1)).map(cell.place) {
            panel.outline(
                x: left, y: top, width: frame.width * cell.patch, height: frame.height * cell.patch,
                color: Self.color(block: block), thickness: max(2, cell.patch / 8))
        }
        return panel
    }

    private func drawGrid(on panel: inout RGBImage, _ cell: Cell) {
        guard cell.patch >= 6 else { return }
        for x in stride(from: cell.patch, to: panel.width, by: cell.patch) {
            panel.fill(x: x, y: 0, width: 1, height: panel.height, color: RGBColor(grey: 255), opacity: 0.35)
        }
        for y in stride(from: cell.patch, to: panel.height, by: cell.patch) {
            panel.fill(x: 0, y: y, width: panel.width, height: 1, color: RGBColor(grey: 255), opacity: 0.35)
        }
    }

    /// A map of shares, white at 0 and full colour at the largest, with the range below.
    private func drawMap(
        _ shares: [Double], title: String, color: RGBColor, at place: (x: Int, y: Int), _ cell: Cell,
        on canvas: inout RGBImage
    ) {
        let largest = shares.max() ?? 0
        canvas.write(title, x: place.x, y: place.y, color: Self.ink, scale: Self.textScale)
        let top = place.y + textBand
        for (index, share) in shares.enumerated() {
            let (x, y) = cell.place(Int32(index))
            let shade = RGBColor(grey: 255).mixed(with: color, share: largest > 0 ? share / largest : 0)
            canvas.fill(x: place.x + x, y: top + y, width: cell.patch, height: cell.patch, color: shade)
        }
        let (width, height) = (grid.width * cell.patch, grid.height * cell.patch)
        canvas.outline(x: place.x, y: top, width: width, height: height, color: RGBColor(grey: 190))
        let range = [shares.min() ?? 0, largest].map { "\(Int((100 * $0).rounded()))" }.joined(separator: "-")
        canvas.write("\(range)%", x: place.x, y: top + height + 8, color: Self.ink, scale: Self.textScale)
    }
}
