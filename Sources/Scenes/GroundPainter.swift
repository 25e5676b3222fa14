import TensorCore

/// Paints grounds: a colour with smooth noise on it, and plain shapes.
struct GroundPainter {
    /// Noise on a lattice, between whose nodes it is interpolated.
    private struct Lattice {
        let step: Int
        let columns: Int
        let nodes: [Int32]
        /// One row of the picture's, between two rows of nodes.
        var row: [Int32]

        init(step: Int, height: Int, width: Int, _ random: inout RandomStream) {
            self.step = step
            columns = (width - 1) / step + 2
            let count = columns * ((height - 1) / step + 2)
            var nodes: [Int32] = []
            nodes.reserveCapacity(count + 3)
            while nodes.count < count {
                let word = random.nextUInt32()
                for shift in [0, 8, 16, 24] as [UInt32] { nodes.append(Int32((word >> shift) & 255) - 128) }
            }
            self.nodes = nodes
            row = Array(repeating: 0, count: columns)
        }

        mutating func turn(to y: Int) {
            let (first, part) = (y / step * columns, Int32((y % step) * 256 / step))
            for column in 0..<columns {
                row[column] = nodes[first + column] * (256 - part) + nodes[first + columns + column] * part
            }
        }
    }

    /// Of the noise below, where it is 1 from -128 to 127: of uniform numbers, less by the interpolation.
    private static let noiseDeviation = 0.385 * 128
    /// Amplitudes of the coarse and the fine noise, of 256; their squares add up to one.
    private static let coarse: Int32 = 205
    private static let fine: Int32 = 154

    mutating func paint(_ ground: SceneGround, height: Int, width: Int, into pixels: inout [UInt8]) {
        let short = min(height, width)
        var random = ground.noise
        var coarse = Lattice(step: max(4, short / 3), height: height, width: width, &random)
        var fine = Lattice(step: max(2, short / 10), height: height, width: width, &random)
        var gains = SIMD3<Int32>(repeating: 0)
        for channel in 0..<3 { gains[channel] = Int32((ground.texture[channel] / Self.noiseDeviation * 256).rounded()) }
        let coarsePlaces = Self.places(width, coarse.step)
        let finePlaces = Self.places(width, fine.step)
        var target = pixels.mutableSpan
        let colour = ground.colour
        for y in 0..<height {
            coarse.turn(to: y)
            fine.turn(to: y)
            let (coarseRow, fineRow) = (coarse.row.span, fine.row.span)
            for x in 0..<width {
                let (a, b) = (coarsePlaces[x], finePlaces[x])
                let (i, j) = (Int(a.node), Int(b.node))
                let large = (coarseRow[i] * (256 - a.part) + coarseRow[i + 1] * a.part) >> 12
                let small = (fineRow[j] * (256 - b.part) + fineRow[j + 1] * b.part) >> 12
                // 16 for one of the lattice's units.
                let noise = (large * Self.coarse + small * Self.fine) >> 8
                let place = 3 * (y * width + x)
                for channel in 0..<3 {
                    let value = colour[channel] + (noise * gains[channel]) >> 12
                    target[place + channel] = UInt8(truncatingIfNeeded: max(0, min(255, value)))
                }
            }
        }
        for shape in ground.shapes { Self.paint(shape, height: height, width: width, into: &target) }
    }

    /// For each column the node to its left, and how far it is from there to the next, of 256.
    private static func places(_ width: Int, _ step: Int) -> [(node: Int32, part: Int32)] {
        (0..<width).map { (Int32($0 / step), Int32(($0 % step) * 256 / step)) }
    }

    private static func paint(
        _ shape: SceneGround.Shape, height: Int, width: Int, into target: inout MutableSpan<UInt8>
    ) {
        let (sine, cosine) = (Turning.sine(shape.turn), Turning.cosine(shape.turn))
        let radius = shape.radius
        for y in ScenePainter.range(shape.y, radius + 1, height) {
            for x in ScenePainter.range(shape.x, radius + 1, width) {
                let (dx, dy) = (Double(x) + 0.5 - shape.x, Double(y) + 0.5 - shape.y)
                let distance = dx * dx + dy * dy
                guard distance <= radius * radius else { continue }
                switch shape.form {
                case .disc: break
                case .ring: if distance < 0.36 * radius * radius { continue }
                case .bar: if (dx * sine - dy * cosine).magnitude > 0.25 * radius { continue }
                }
                for channel in 0..<3 {
                    target[3 * (y * width + x) + channel] = UInt8(truncatingIfNeeded: shape.colour[channel])
                }
            }
        }
    }
}
