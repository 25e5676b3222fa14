/// A sprite as it is painted: its brightness and its silhouette, with a border of nothing, at about the size that is wanted.
struct SpriteTexture {
    /// Along an edge, without the border.
    private(set) var side = 0
    /// Brightness and opacity, 0…255, [side + 2, side + 2] each.
    private(set) var values: [UInt8] = []
    private(set) var opacities: [UInt8] = []
    private var open: [Int32] = []

    /// Darker than this and reached from the border is ground.
    private static let groundLevel: UInt8 = 8

    /// - Parameters:
    ///   - sprite: [side, side].
    ///   - wanted: Side that it will have in the picture, pixels.
    mutating func load(_ sprite: ArraySlice<UInt8>, side: Int, for wanted: Double) {
        self.side = side
        let row = side + 2
        values = Array(repeating: 0, count: row * row)
        opacities = Array(repeating: 0, count: row * row)
        for y in 0..<side {
            for x in 0..<side {
                values[(y + 1) * row + x + 1] = sprite[sprite.startIndex + y * side + x]
                opacities[(y + 1) * row + x + 1] = 255
            }
        }
        removeGround()
        // Each texel of the picture's is then of about one of the sprite's, so that none is skipped.
        while Double(self.side) > 1.5 * wanted, self.side >= 8, self.side % 2 == 0 { halve() }
    }

    /// Makes transparent what is dark and connected with the border. Dark parts inside of a thing stay its own.
    private mutating func removeGround() {
        let row = side + 2
        open.removeAll(keepingCapacity: true)
        func isGround(_ place: Int) -> Bool { opacities[place] == 255 && values[place] < Self.groundLevel }
        for k in 1...side {
            for place in [row + k, side * row + k, k * row + 1, k * row + side] where isGround(place) {
                opacities[place] = 0
                open.append(Int32(place))
            }
        }
        while let place = open.popLast() {
            for step in [-row, -1, 1, row] {
                let next = Int(place) + step
                if isGround(next) {
                    opacities[next] = 0
                    open.append(Int32(next))
                }
            }
        }
    }

    private mutating func halve() {
        let (half, row) = (side / 2, side + 2)
        var smallValues = [UInt8](repeating: 0, count: (half + 2) * (half + 2))
        var smallOpacities = smallValues
        for y in 0..<half {
            for x in 0..<half {
                var (sum, weight) = (0, 0)
                for place in [(2 * y + 1) * row + 2 * x + 1, (2 * y + 2) * row + 2 * x + 1] {
                    for place in [place, place + 1] {
                        sum += Int(values[place]) * Int(opacities[place])
                        weight += Int(opacities[place])
                    }
                }
                let target = (y + 1) * (half + 2) + x + 1
                smallValues[target] = UInt8(weight == 0 ? 0 : (sum + weight / 2) / weight)
                smallOpacities[target] = UInt8((weight + 2) / 4)
            }
        }
        (values, opacities, side) = (smallValues, smallOpacities, half)
    }
}
