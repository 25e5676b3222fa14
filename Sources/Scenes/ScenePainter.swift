/// Paints scenes: pixels, and which thing each pixel shows. Its memory is used again for the next scene.
///
/// All that decides a pixel is whole numbers, or sums, products and quotients of Doubles: equal scenes are equal bytes on
/// every machine.
struct ScenePainter {
    /// Red, green, blue, [height, width, 3].
    private(set) var pixels: [UInt8] = []
    /// [height, width]: 0 the ground, k + 1 thing k of the scene.
    private(set) var owners: [UInt8] = []
    /// How many pixels show each thing, and how many it would have if nothing were before it.
    private(set) var visible: [Int] = []
    private(set) var whole: [Int] = []
    private let sprites: Sprites
    private var texture = SpriteTexture()
    private var ground = GroundPainter()

    init(_ sprites: Sprites) { self.sprites = sprites }

    /// As many things as a map of owners can tell apart.
    static let mostObjects = 254

    mutating func paint(_ scene: Scene) {
        precondition(scene.objects.count <= Self.mostObjects, "\(scene.objects.count) things")
        let area = scene.height * scene.width
        if pixels.count != 3 * area { pixels = Array(repeating: 0, count: 3 * area) }
        if owners.count != area {
            owners = Array(repeating: 0, count: area)
        } else {
            for place in owners.indices { owners[place] = 0 }
        }
        whole = Array(repeating: 0, count: scene.objects.count)
        visible = whole
        ground.paint(scene.ground, height: scene.height, width: scene.width, into: &pixels)
        for number in scene.paintingOrder { paint(scene.objects[number], number, scene) }
        for owner in owners where owner > 0 { visible[Int(owner) - 1] += 1 }
    }

    /// Fixed point: 16 binary digits after the point.
    private static let one = 65536.0

    private mutating func paint(_ object: SceneObject, _ number: Int, _ scene: Scene) {
        texture.load(sprites[object.sprite], side: sprites.side, for: object.side)
        let side = Double(texture.side)
        let (sine, cosine) = (Turning.sine(object.turn), Turning.cosine(object.turn))
        let reach = object.side / 2 * (sine.magnitude + cosine.magnitude) + 1
        let rows = Self.range(object.y, reach, scene.height)
        let columns = Self.range(object.x, reach, scene.width)
        guard !rows.isEmpty, !columns.isEmpty else { return }
        let (stepX, stepY) = (cosine * side / object.side, sine * side / object.side)
        // A step to the right in the picture, in texels.
        let (du, dv) = (Int((stepX * Self.one).rounded()), Int((-stepY * Self.one).rounded()))
        var place = Walk(du: du, dv: dv, columns: columns)
        for y in rows {
            let (dx, dy) = (Double(columns.lowerBound) + 0.5 - object.x, Double(y) + 0.5 - object.y)
            // One more than the place in the sprite, for the border.
            place.u = Int(((dx * stepX + dy * stepY + side / 2 + 0.5) * Self.one).rounded())
            place.v = Int(((dy * stepX - dx * stepY + side / 2 + 0.5) * Self.one).rounded())
            whole[number] += Self.paintRow(
                texture, place, tint: object.tint, owner: UInt8(number + 1), first: y * scene.width, &pixels, &owners)
        }
    }

    /// Places in a texture along a row of the picture, 16 binary digits after the point.
    private struct Walk {
        var u = 0
        var v = 0
        let du: Int
        let dv: Int
        let columns: Range<Int>
    }

    /// - Parameter first: Place of the row's first pixel.
    /// - Returns: How many pixels show the thing.
    private static func paintRow(
        _ texture: SpriteTexture, _ walk: Walk, tint: SIMD3<Int32>, owner: UInt8, first: Int,
        _ pixels: inout [UInt8], _ owners: inout [UInt8]
    ) -> Int {
        let (values, opacities) = (texture.values.span, texture.opacities.span)
        let (row, limit) = (texture.side + 2, (texture.side + 1) << 16)
        var target = pixels.mutableSpan
        var shown = owners.mutableSpan
        var (u, v) = (walk.u, walk.v)
        var count = 0
        for x in walk.columns {
            defer {
                u += walk.du
                v += walk.dv
            }
            guard u >= 0, v >= 0, u < limit, v < limit else { continue }
            let place = (v >> 16) * row + (u >> 16)
            let (fu, fv) = ((u >> 8) & 255, (v >> 8) & 255)
            let opacity = between(opacities, place, row, fu, fv)
            guard opacity > 0 else { continue }
            let shade = Int32(truncatingIfNeeded: 90 + (between(values, place, row, fu, fv) * 165) >> 8)
            let share = Int32(truncatingIfNeeded: opacity)
            let pixel = first + x
            for channel in 0..<3 {
                let below = Int32(target[3 * pixel + channel])
                let colour = (tint[channel] * shade) >> 8
                target[3 * pixel + channel] = UInt8(truncatingIfNeeded: below + ((colour - below) * share) / 255)
            }
            if opacity >= 128 {
                shown[pixel] = owner
                count += 1
            }
        }
        return count
    }

    /// The value between four texels, 0…255.
    @inline(__always)
    private static func between(_ texels: Span<UInt8>, _ place: Int, _ row: Int, _ fu: Int, _ fv: Int) -> Int {
        let upper = Int(texels[place]) * (256 - fu) + Int(texels[place + 1]) * fu
        let lower = Int(texels[place + row]) * (256 - fu) + Int(texels[place + row + 1]) * fu
        return (upper * (256 - fv) + lower * fv + 32768) >> 16
    }

    /// The pixels of an axis that may be within `reach` of `centre`.
    static func range(_ centre: Double, _ reach: Double, _ length: Int) -> Range<Int> {
        let low = max(0, min(Double(length), (centre - reach).rounded(.down)))
        let high = max(low, min(Double(length), (centre + reach).rounded(.up)))
        return Int(low)..<Int(high)
    }
}

extension Scene {
    /// Numbers of the things, the farthest first; of those equally far the later one is before.
    var paintingOrder: [Int] {
        objects.indices.sorted { (objects[$0].depth, $1) > (objects[$1].depth, $0) }
    }
}
