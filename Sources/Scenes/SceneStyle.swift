/// What scenes look like.
package struct SceneStyle: Sendable, Hashable {
    /// What varies in colour.
    package enum Colours: String, Sendable, CaseIterable {
        /// Light grey things on dark grey ground.
        case grey
        /// The same, faintly coloured.
        case muted
        /// Things and ground of any colour.
        case vivid
        /// Things in one of eight named colours on grey ground, as CLEVR has them.
        case named
    }

    /// Of a picture, pixels.
    package var height: Int
    package var width: Int
    /// Number of things.
    package var objects: ClosedRange<Int>
    /// How large the farthest and the nearest thing is, as a share of the picture's short side.
    package var share: ClosedRange<Double>
    /// Things are turned by up to so many degrees, either way.
    package var rotation: Double
    package var colours: Colours
    /// Standard deviation of the ground, levels of 0…255.
    package var texture: Double
    /// Number of plain shapes on the ground that belong to no class.
    package var clutter: Int
    /// Whether a thing stands lower in the picture the nearer it is, as on a floor; else it may be anywhere.
    package var hasFloor: Bool

    package init(
        height: Int, width: Int, objects: ClosedRange<Int> = 1...1, share: ClosedRange<Double> = 0.5...0.9,
        rotation: Double = 20, colours: Colours = .grey, texture: Double = 10, clutter: Int = 0, hasFloor: Bool = false
    ) {
        self.height = height
        self.width = width
        self.objects = objects
        self.share = share
        self.rotation = rotation
        self.colours = colours
        self.texture = texture
        self.clutter = clutter
        self.hasFloor = hasFloor
    }

    package static let sizes = 16...1024

    /// Side of the square that a thing at a distance fills, pixels.
    ///
    /// One over it grows linearly with depth, from the largest at `SceneDepth.nearest` to the smallest at
    /// `SceneDepth.farthest`, and on beyond.
    func side(atDepth depth: Double) -> Double {
        let t = (depth - SceneDepth.nearest) / (SceneDepth.farthest - SceneDepth.nearest)
        let (near, far) = (1 / share.upperBound, 1 / share.lowerBound)
        return Double(min(height, width)) / (near + (far - near) * t)
    }

    /// The distance of a thing that fills such a square.
    func depth(ofSide side: Double) -> Double {
        let (near, far) = (1 / share.upperBound, 1 / share.lowerBound)
        guard far > near else { return SceneDepth.nearest }
        let t = (Double(min(height, width)) / side - near) / (far - near)
        return SceneDepth.nearest + t * (SceneDepth.farthest - SceneDepth.nearest)
    }
}

/// Distances of things, in CLEVR's units.
package enum SceneDepth {
    package static let nearest = 7.5
    package static let farthest = 12.5
    /// Between the six classes of the nearest thing's distance (VTAB's `closest_object_distance`).
    package static let classBounds = [8.0, 8.5, 9.0, 9.5, 10.0]

    /// The distances of a class.
    static func range(ofClass number: Int) -> ClosedRange<Double> {
        let low = number == 0 ? nearest : classBounds[number - 1]
        return low...low + 0.5
    }
}

/// One of CLEVR's eight colours (Johnson et al., CVPR 2017), and what its objects are painted with.
package struct NamedColour: Sendable, Hashable {
    package let name: String
    package let value: SIMD3<Int32>

    package static let all = [
        NamedColour(name: "gray", value: SIMD3(150, 150, 150)), NamedColour(name: "red", value: SIMD3(230, 60, 60)),
        NamedColour(name: "blue", value: SIMD3(70, 100, 240)), NamedColour(name: "green", value: SIMD3(50, 180, 50)),
        NamedColour(name: "brown", value: SIMD3(170, 100, 40)), NamedColour(name: "purple", value: SIMD3(170, 60, 220)),
        NamedColour(name: "cyan", value: SIMD3(60, 220, 220)), NamedColour(name: "yellow", value: SIMD3(255, 235, 60)),
    ]
}
