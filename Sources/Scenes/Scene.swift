import TensorCore

/// What is in a picture, before it is painted.
struct Scene: Sendable {
    /// Pixels.
    let height: Int
    let width: Int
    var ground: SceneGround
    /// Their order is that of their numbers, not of their distance.
    var objects: [SceneObject]
}

/// A thing in a picture.
struct SceneObject: Sendable, Hashable {
    /// Which sprite, and of what class.
    var sprite: Int
    var label: Int
    /// Centre, pixels from the left and the upper edge of the picture.
    var x: Double
    var y: Double
    /// Side of the square that the sprite fills, pixels.
    var side: Double
    /// Counterclockwise, radians.
    var turn: Double
    /// Distance: what is farther is behind.
    var depth: Double
    /// Colour of the sprite's white, 0…255.
    var tint: SIMD3<Int32>
    /// Number of the colour's name, where it has one.
    var colour: Int?
}

/// What is behind all things.
struct SceneGround: Sendable {
    /// A plain shape that belongs to no class.
    struct Shape: Sendable, Hashable {
        enum Form: Int, Sendable, CaseIterable {
            case disc, bar, ring
        }

        var form: Form
        var x: Double
        var y: Double
        /// Half of its extent, pixels.
        var radius: Double
        var turn: Double
        var colour: SIMD3<Int32>
    }

    /// Mean colour, 0…255.
    var colour: SIMD3<Int32>
    /// Standard deviation of each channel, levels.
    var texture: SIMD3<Double>
    /// The texture is drawn from here.
    var noise: RandomStream
    var shapes: [Shape]
}

/// Sine and cosine from additions and products alone: the same bits on every machine, which libm's need not be.
enum Turning {
    /// - Parameter angle: Of at most 2π either way.
    static func sine(_ angle: Double) -> Double {
        // To a quarter turn, where the series is short.
        var x = angle
        if x > .pi { x -= 2 * .pi }
        if x < -.pi { x += 2 * .pi }
        if x > .pi / 2 { x = .pi - x }
        if x < -.pi / 2 { x = -.pi - x }
        let square = x * x
        var (term, sum) = (x, x)
        for k in 1...9 {
            term *= -square / Double(2 * k * (2 * k + 1))
            sum += term
        }
        return sum
    }

    static func cosine(_ angle: Double) -> Double { sine(angle > .pi / 2 ? angle - 1.5 * .pi : angle + .pi / 2) }
}
