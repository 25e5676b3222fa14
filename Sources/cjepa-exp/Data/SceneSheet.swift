import Pictures
import Scenes

/// Pictures of a data set that the program makes, six in a row, each above what its files say of the pixels.
struct SceneSheet {
    let previews: [ScenePreview]

    private static let gap = 6
    private static let columns = 6

    func draw() -> RGBImage {
        let width = previews.map(\.width).max() ?? 1
        let height = previews.map(\.height).max() ?? 1
        let hasLabels = previews.contains { $0.labels != nil }
        let text = RGBImage.textHeight() + 6
        let cell = (height + Self.gap) * (hasLabels ? 2 : 1) + text
        let rows = (previews.count + Self.columns - 1) / Self.columns
        var canvas = RGBImage(
            width: Self.columns * (width + Self.gap) + Self.gap, height: rows * cell + Self.gap)
        for (index, preview) in previews.enumerated() {
            let x = Self.gap + index % Self.columns * (width + Self.gap)
            let y = Self.gap + index / Self.columns * cell
            canvas.draw(RGBImage(width: preview.width, height: preview.height, pixels: preview.pixels), x: x, y: y)
            if let labels = preview.labels {
                canvas.draw(
                    RGBImage(width: preview.width, height: preview.height, pixels: labels), x: x,
                    y: y + height + Self.gap)
            }
            canvas.write(
                String(preview.caption.prefix(max(1, width / (RGBImage.textWidth("XX") / 2)))), x: x,
                y: y + cell - text, color: RGBColor(grey: 80))
        }
        return canvas
    }
}
