import ImageCodecs

extension ScenePainter {
    /// The picture as a JPEG.
    func jpeg(_ scene: Scene) throws -> [UInt8] {
        try ImageEncoder.jpeg(pixels.span, width: scene.width, height: scene.height, channels: 3)
    }

    /// The picture as a PNG.
    func png(_ scene: Scene) throws -> [UInt8] {
        try ImageEncoder.png(pixels.span, width: scene.width, height: scene.height, channels: 3)
    }

    /// What each pixel shows as a PNG with a palette of 256 colours.
    static func png(labels: [UInt8], _ scene: Scene) throws -> [UInt8] {
        try ImageEncoder.png(
            indices: labels.span, width: scene.width, height: scene.height, palette: LabelPalette.values)
    }

    func preview(_ scene: Scene, labels: [UInt8]?, caption: String) -> ScenePreview {
        ScenePreview(
            height: scene.height, width: scene.width, pixels: pixels, labels: labels.map(LabelPalette.colours),
            caption: caption)
    }
}

extension SceneStyle {
    /// A picture of several things as photographs show them: a little wider than high, or higher than wide.
    static func photograph(_ item: Int, size: Int, objects: ClosedRange<Int>, _ colours: Colours) -> SceneStyle {
        let long = (size * 4 + 2) / 3
        return SceneStyle(
            height: item % 3 == 1 ? long : size, width: item % 3 == 1 ? size : long, objects: objects,
            share: 0.25...0.6, rotation: 30, colours: colours, texture: 15, clutter: 5, hasFloor: true)
    }
}
