import TensorCore

/// Decides what is in a picture: a function of seed, stream and number, whatever was composed before.
struct SceneComposer {
    let sprites: Sprites
    let style: SceneStyle
    let seed: UInt64
    /// Pictures of different streams have nothing to do with each other.
    let stream: Int

    private var short: Double { Double(min(style.height, style.width)) }

    private func random(_ index: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: .scenes, epoch: stream, sample: index)
    }

    // MARK: One main thing

    /// A picture of one thing, which is the nearest and the largest; others are at most three quarters as large.
    ///
    /// Classes follow one another, so that they are equally frequent.
    func portrait(_ index: Int) -> Scene {
        var random = random(index)
        let count = random.integer(in: style.objects)
        var objects: [SceneObject] = []
        for number in 0..<count {
            let label = number == 0 ? index % sprites.classCount : random.integer(below: sprites.classCount)
            let side =
                number == 0
                ? short * random.uniform(in: style.share)
                : objects[0].side * random.uniform(in: 0.4...0.75)
            objects.append(
                object(label: label, side: side, depth: style.depth(ofSide: side), &random) { random in
                    place(side, &random)
                })
        }
        return scene(objects, &random)
    }

    /// Anywhere, as a whole inside of the picture where it fits.
    private func place(_ side: Double, _ random: inout RandomStream) -> (x: Double, y: Double) {
        func along(_ length: Int) -> Double {
            let room = max(0, Double(length) - side)
            return Double(length) / 2 + room * (random.uniform() - 0.5)
        }
        return (along(style.width), along(style.height))
    }

    // MARK: Several things

    /// A picture of several things at several distances, each of which is seen.
    ///
    /// - Parameters:
    ///   - count: None: by chance, as the style has it.
    ///   - nearest: Class of the nearest one's distance; none: any.
    ///   - painter: Tells how much of them is seen. Its pictures are overwritten; the last one is that of the result.
    func crowd(
        _ index: Int, count wanted: Int? = nil, nearest: Int? = nil, painter: inout ScenePainter
    ) -> Scene {
        var random = random(index)
        let count = wanted ?? random.integer(in: style.objects)
        let closest = random.uniform(
            in: nearest.map(SceneDepth.range) ?? SceneDepth.nearest...SceneDepth.farthest - 1)
        var best: Scene?
        var mostSeen = -1
        // Where things hide each other too much they are placed anew, at last in cells of their own.
        for attempt in 0..<10 {
            var objects: [SceneObject] = []
            let cells = attempt < 8 ? nil : self.cells(count, &random)
            for number in 0..<count {
                let depth = number == 0 ? closest : random.uniform(in: closest...SceneDepth.farthest)
                let side = style.side(atDepth: depth)
                objects.append(
                    object(label: random.integer(below: sprites.classCount), side: side, depth: depth, &random) {
                        random in
                        cells?[number] ?? freePlace(side, depth, objects, &random)
                    })
            }
            random.shuffle(&objects)
            let scene = scene(objects, &random)
            painter.paint(scene)
            let seen = scene.objects.indices.filter(painter.isSeen).count
            if seen == count { return scene }
            if seen > mostSeen { (best, mostSeen) = (scene, seen) }
        }
        return withoutHidden(best, painter: &painter)
    }

    /// Takes away what is not seen, until all that is left is.
    private func withoutHidden(_ scene: Scene?, painter: inout ScenePainter) -> Scene {
        guard var scene else { preconditionFailure("no attempt was made") }
        while true {
            painter.paint(scene)
            let seen = scene.objects.indices.filter(painter.isSeen)
            if seen.count == scene.objects.count { return scene }
            scene.objects = seen.map { scene.objects[$0] }
        }
    }

    /// Not in the middle of a thing that is there already, as far as that is possible.
    private func freePlace(
        _ side: Double, _ depth: Double, _ others: [SceneObject], _ random: inout RandomStream
    ) -> (x: Double, y: Double) {
        var chosen = (x: 0.0, y: 0.0)
        for _ in 0..<20 {
            let (x, y) = place(side, &random)
            chosen = (x, style.hasFloor ? row(depth, side, &random) : y)
            let isFree = others.allSatisfy { other in
                let (dx, dy) = (other.x - chosen.x, other.y - chosen.y)
                let gap = 0.35 * (side + other.side)
                return dx * dx + dy * dy >= gap * gap
            }
            if isFree { break }
        }
        return chosen
    }

    /// How low something stands: near the lower edge if it is near.
    private func row(_ depth: Double, _ side: Double, _ random: inout RandomStream) -> Double {
        let t = (depth - SceneDepth.nearest) / (SceneDepth.farthest - SceneDepth.nearest)
        let height = Double(style.height)
        let y = height * (0.72 - 0.44 * t + 0.1 * (random.uniform() - 0.5))
        return max(side / 2, min(height - side / 2, y))
    }

    /// Centres of the cells of a grid, as many as things, in random order.
    private func cells(_ count: Int, _ random: inout RandomStream) -> [(x: Double, y: Double)] {
        let (width, height) = (Double(style.width), Double(style.height))
        let columns = Int((Double(count) * width / height).squareRoot().rounded(.up))
        let rows = (count + columns - 1) / columns
        var cells: [(x: Double, y: Double)] = []
        for cell in 0..<rows * columns {
            let (row, column) = (Double(cell / columns) + 0.5, Double(cell % columns) + 0.5)
            cells.append((column * width / Double(columns), row * height / Double(rows)))
        }
        random.shuffle(&cells)
        return cells
    }

    // MARK: What both have in common

    private func object(
        label: Int, side: Double, depth: Double, _ random: inout RandomStream,
        place: (inout RandomStream) -> (x: Double, y: Double)
    ) -> SceneObject {
        let sprite = sprites.draw(ofClass: label, &random)
        let turn = (random.uniform() * 2 - 1) * style.rotation / 180 * .pi
        let (tint, colour) = tint(&random)
        let (x, y) = place(&random)
        return SceneObject(
            sprite: sprite, label: label, x: x, y: y, side: side, turn: turn, depth: depth, tint: tint, colour: colour)
    }

    private func scene(_ objects: [SceneObject], _ random: inout RandomStream) -> Scene {
        var ground = SceneGround(
            colour: groundColour(&random), texture: SIMD3(repeating: style.texture), noise: random, shapes: [])
        if style.colours == .vivid {
            for channel in 0..<3 { ground.texture[channel] *= 0.4 + 1.2 * random.uniform() }
        }
        for _ in 0..<style.clutter {
            let form = SceneGround.Shape.Form.allCases[random.integer(below: 3)]
            ground.shapes.append(
                SceneGround.Shape(
                    form: form, x: Double(style.width) * random.uniform(), y: Double(style.height) * random.uniform(),
                    radius: short * random.uniform(in: 0.04...0.16), turn: random.uniform(in: 0...Double.pi),
                    colour: style.colours == .grey || style.colours == .muted
                        ? shapeColour(&random) : tint(&random).0))
        }
        return Scene(height: style.height, width: style.width, ground: ground, objects: objects)
    }

    private func groundColour(_ random: inout RandomStream) -> SIMD3<Int32> {
        switch style.colours {
        case .grey: SIMD3(repeating: random.level(20...110))
        case .muted: random.coloured(random.level(20...110), by: 15)
        case .vivid: SIMD3(random.level(10...235), random.level(10...235), random.level(10...235))
        case .named: SIMD3(repeating: random.level(90...140))
        }
    }

    private func tint(_ random: inout RandomStream) -> (SIMD3<Int32>, Int?) {
        switch style.colours {
        case .grey: return (SIMD3(repeating: random.level(150...255)), nil)
        case .muted: return (random.coloured(random.level(150...255), by: 30), nil)
        case .vivid: return (SIMD3(random.level(30...255), random.level(30...255), random.level(30...255)), nil)
        case .named:
            let colour = random.integer(below: NamedColour.all.count)
            return (NamedColour.all[colour].value, colour)
        }
    }

    /// Between ground and things.
    private func shapeColour(_ random: inout RandomStream) -> SIMD3<Int32> {
        let level = random.level(60...160)
        return style.colours == .muted ? random.coloured(level, by: 30) : SIMD3(repeating: level)
    }
}

extension ScenePainter {
    /// Whether a thing counts as seen: a quarter of it, and at least eight pixels.
    func isSeen(_ object: Int) -> Bool { visible[object] >= 8 && 4 * visible[object] >= whole[object] }
}

extension RandomStream {
    mutating func integer(in range: ClosedRange<Int>) -> Int { range.lowerBound + integer(below: range.count) }

    /// A level of 0…255.
    fileprivate mutating func level(_ range: ClosedRange<Int>) -> Int32 { Int32(integer(in: range)) }

    /// A grey level, made a little warmer or colder.
    fileprivate mutating func coloured(_ level: Int32, by most: Int) -> SIMD3<Int32> {
        var colour = SIMD3<Int32>(repeating: level)
        for channel in 0..<3 { colour[channel] = max(0, min(255, level + self.level(-most...most))) }
        return colour
    }
}
