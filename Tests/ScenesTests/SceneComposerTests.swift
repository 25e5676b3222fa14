import Testing

@testable import Scenes

@Suite struct SceneComposerTests {
    private let sprites: Sprites

    init() throws { sprites = try Sample.sprites().train }

    @Test func masksBoxesCountsAndDepthsAgreeInAThousandScenes() {
        let composer = Sample.composer(Sample.clevr, sprites)
        var painter = ScenePainter(sprites)
        var nearer = ScenePainter(sprites)
        for image in 0..<1000 {
            let (count, distance) = (3 + image % 8, image / 8 % 6)
            let scene = composer.crowd(image, count: count, nearest: distance, painter: &painter)
            #expect(scene.objects.count == count, "scene \(image)")
            let nearest = scene.objects.map(\.depth).min() ?? 0
            #expect(SceneDepth.classBounds.count { $0 <= nearest } == distance, "scene \(image): \(nearest)")
            for (number, object) in scene.objects.enumerated() {
                // What is counted is seen.
                let mask = painter.owners.count { $0 == UInt8(number + 1) }
                #expect(mask == painter.visible[number] && painter.visible[number] <= painter.whole[number])
                #expect(mask >= 8 && 4 * mask >= painter.whole[number], "thing \(number) of scene \(image) is hidden")
                // The box is as tight as the mask, and no larger than the thing can be.
                let box = painter.box(of: number, scene)
                #expect(box[2] <= Int(1.5 * object.side) + 2 && box[3] <= Int(1.5 * object.side) + 2)
                #expect(mask <= box[2] * box[3] && box[2] > 0)
                // Depth decides size.
                #expect(object.side == Sample.clevr.side(atDepth: object.depth))
                for other in scene.objects where other.depth > object.depth { #expect(other.side < object.side) }
            }
            // Taking away the farthest thing gives back what it hid, and nothing of those before it changes.
            guard image % 10 == 0, let farthest = scene.paintingOrder.first else { continue }
            var rest = scene
            rest.objects.remove(at: farthest)
            nearer.paint(rest)
            for (number, visible) in painter.visible.enumerated() where number != farthest {
                #expect(nearer.visible[number < farthest ? number : number - 1] == visible)
            }
        }
    }

    @Test func whatIsNearHidesWhatIsFar() {
        let composer = Sample.composer(SceneStyle(height: 32, width: 32, share: 0.5...0.5), sprites)
        var scene = composer.portrait(0)
        var behind = scene.objects[0]
        behind.depth += 1
        scene.objects.append(behind)
        var painter = ScenePainter(sprites)
        painter.paint(scene)
        #expect(painter.visible[1] == 0 && painter.whole[1] == painter.whole[0] && painter.visible[0] > 0)
        scene.objects[1].depth -= 2
        painter.paint(scene)
        #expect(painter.visible[0] == 0 && painter.visible[1] == painter.whole[1])
    }

    @Test func theMainThingIsTheNearestTheLargestAndWhole() {
        let composer = Sample.composer(Sample.busy, sprites)
        var painter = ScenePainter(sprites)
        var counts = [0, 0, 0, 0]
        for image in 0..<400 {
            let scene = composer.portrait(image)
            counts[scene.objects.count - 1] += 1
            painter.paint(scene)
            #expect(scene.objects[0].label == image % 10)
            #expect(painter.visible[0] == painter.whole[0])
            for other in scene.objects.dropFirst() {
                #expect(other.side < scene.objects[0].side && other.depth > scene.objects[0].depth)
            }
        }
        #expect(counts.allSatisfy { $0 > 60 }, "\(counts)")
    }

    @Test func aSequenceMovesAndPassesBehind() {
        var style = Sample.busy
        style.objects = 2...4
        style.share = 0.25...0.55
        let composer = Sample.composer(style, sprites, stream: .davis)
        var painter = ScenePainter(sprites)
        var covered = 0
        for number in 0..<12 {
            let sequence = SceneSequence.compose(composer, number, painter: &painter)
            #expect(SceneSequence.frames.contains(sequence.frameCount))
            #expect(sequence.frameCount == SceneSequence.frameCount(composer, number))
            painter.paint(sequence.frame(0))
            let first = sequence.frame(0)
            #expect(first.objects.indices.allSatisfy(painter.isSeen))
            let order = first.paintingOrder
            var hasCover = false
            for frame in 1..<sequence.frameCount {
                let (before, scene) = (sequence.frame(frame - 1), sequence.frame(frame))
                #expect(scene.paintingOrder == order)
                painter.paint(scene)
                hasCover = hasCover || zip(painter.visible, painter.whole).contains { 2 * $0 < $1 }
                for (object, earlier) in zip(scene.objects, before.objects) {
                    // It moves, but does not jump.
                    let (dx, dy) = (object.x - earlier.x, object.y - earlier.y)
                    #expect((dx * dx + dy * dy).squareRoot() < 8)
                    #expect((dx, dy) != (0, 0) && object.turn != earlier.turn && object.side != earlier.side)
                }
            }
            covered += hasCover ? 1 : 0
        }
        #expect(covered >= 8, "something is half hidden in \(covered) of 12 sequences")
    }
}
