import TensorCore

/// Things that move, turn, and come nearer or go away before a ground that stays.
struct SceneSequence {
    /// How a thing moves; a frame is the unit of time.
    private struct Motion {
        /// Where it is in the middle of the sequence, and how far it moves in a frame.
        let x: Double
        let y: Double
        let dx: Double
        let dy: Double
        /// Radians in a frame.
        let turning: Double
        /// Its distance swings by so much, so often in a sequence.
        let swing: Double
        let swings: Double
        let phase: Double
    }

    let frameCount: Int
    private let style: SceneStyle
    private let scene: Scene
    private let motions: [Motion]

    static let frames = 20...40

    /// How long a sequence is, which is known without composing it.
    static func frameCount(_ composer: SceneComposer, _ index: Int) -> Int {
        var random = RandomStream(
            seed: composer.seed, purpose: .scenes, epoch: composer.stream + 500, sample: index)
        return random.integer(in: frames)
    }

    /// - Parameter scene: Things at their mean distances; that of the nearest and the next cross their ways half-way.
    private init(_ scene: Scene, frames count: Int, style: SceneStyle, random: inout RandomStream) {
        self.scene = scene
        self.style = style
        frameCount = count
        let (width, height, frames) = (Double(scene.width), Double(scene.height), Double(frameCount))
        let order = Array(scene.paintingOrder.reversed())
        var motions: [Motion] = []
        for (number, object) in scene.objects.enumerated() {
            // Half of the picture's width to all of it in a sequence.
            let speed = width * random.uniform(in: 0.5...1) / frames
            let direction = random.uniform(in: -0.6...0.6)
            let sign: Double = random.integer(below: 2) == 0 ? 1 : -1
            var (x, y) = (object.x, object.y)
            if order.count > 1, number == order[1] {
                // Behind the nearest, half-way.
                let front = scene.objects[order[0]]
                (x, y) = (front.x, front.y)
            }
            motions.append(
                Motion(
                    x: x, y: y, dx: sign * speed * Turning.cosine(direction),
                    dy: min(speed, height / frames) * Turning.sine(direction),
                    turning: random.uniform(in: -1.5...1.5) / frames, swing: random.uniform(in: 0.1...0.4),
                    swings: random.uniform(in: 0.5...1.5), phase: random.uniform()))
        }
        self.motions = motions
    }

    /// What a frame shows; a thing has the same number in all of them.
    func frame(_ number: Int) -> Scene {
        let time = Double(number) - Double(frameCount) / 2
        var scene = scene
        for (place, motion) in motions.enumerated() {
            let object = scene.objects[place]
            let depth =
                object.depth + motion.swing * Self.wave(motion.phase + motion.swings * time / Double(frameCount))
            let side = style.side(atDepth: depth)
            scene.objects[place].depth = depth
            scene.objects[place].side = side
            scene.objects[place].x = Self.reflected(motion.x + motion.dx * time, side, Double(scene.width))
            scene.objects[place].y = Self.reflected(motion.y + motion.dy * time, side, Double(scene.height))
            scene.objects[place].turn = object.turn + motion.turning * time
        }
        return scene
    }

    /// From -1 to 1 and back with period 1, along straight lines.
    private static func wave(_ phase: Double) -> Double {
        let part = phase - phase.rounded(.down)
        return part < 0.5 ? 4 * part - 1 : 3 - 4 * part
    }

    /// A place that turns back at the picture's edges, where a thing of such a size is still inside.
    private static func reflected(_ place: Double, _ side: Double, _ length: Double) -> Double {
        let room = length - side
        guard room > 0 else { return length / 2 }
        return side / 2 + room * (wave((place - side / 2) / (2 * room)) + 1) / 2
    }

    /// Composes a sequence in whose first frame everything is seen.
    ///
    /// - Parameter painter: Its pictures are overwritten.
    static func compose(_ composer: SceneComposer, _ index: Int, painter: inout ScenePainter) -> SceneSequence {
        let count = frameCount(composer, index)
        var scene = composer.crowd(index, painter: &painter)
        // Far enough apart that swings do not change what is before what.
        for (rank, number) in scene.paintingOrder.reversed().enumerated() {
            scene.objects[number].depth = SceneDepth.nearest + 0.5 + Double(rank) * 0.9
        }
        var best: SceneSequence?
        var mostSeen = -1
        for attempt in 0..<16 {
            var random = RandomStream(
                seed: composer.seed, purpose: .scenes, epoch: composer.stream + 1000 * (attempt + 1), sample: index)
            let sequence = SceneSequence(scene, frames: count, style: composer.style, random: &random)
            painter.paint(sequence.frame(0))
            let seen = scene.objects.indices.filter(painter.isSeen).count
            if seen == scene.objects.count { return sequence }
            if seen > mostSeen { (best, mostSeen) = (sequence, seen) }
        }
        guard let best else { preconditionFailure("no attempt was made") }
        return best
    }
}
