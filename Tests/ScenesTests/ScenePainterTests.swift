import Datasets
import Foundation
import Synchronization
import Testing

@testable import Scenes

@Suite struct ScenePainterTests {
    private let sprites: Sprites

    init() throws { sprites = try Sample.sprites().train }

    private func hash(_ style: SceneStyle, seed: UInt64, _ images: Range<Int>) -> String {
        let composer = Sample.composer(style, sprites, seed: seed)
        var painter = ScenePainter(sprites)
        var hash = Fingerprint()
        for image in images {
            painter.paint(composer.portrait(image))
            hash.add(painter.pixels)
            hash.add(painter.owners)
        }
        return hash.text
    }

    /// Of other bytes, results of earlier versions could not be compared: raise `SceneImages.version` with them.
    @Test func theBytesAreThoseOfThisVersion() {
        #expect(SceneImages.version == 1)
        #expect(hash(SceneStyle(height: 32, width: 32), seed: 0, 0..<50) == "54130801306f47c3")
        #expect(hash(Sample.busy, seed: 7, 0..<50) == "a82f334a366f229c")
    }

    @Test func equalSeedsGiveEqualBytesOnAnyNumberOfThreadsAndInAnyOrder() {
        let composer = Sample.composer(Sample.busy, sprites)
        var painter = ScenePainter(sprites)
        let alone = (0..<200).map { image in
            painter.paint(composer.portrait(image))
            return painter.pixels
        }
        let together = Mutex([[UInt8]](repeating: [], count: 200))
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            var painter = ScenePainter(sprites)
            for image in (0..<200).reversed() where image % 8 == thread {
                painter.paint(composer.portrait(image))
                together.withLock { $0[image] = painter.pixels }
            }
        }
        #expect(together.withLock { $0 } == alone)
        #expect(Set(alone).count == 200)
        #expect(hash(Sample.busy, seed: 1, 0..<5) != hash(Sample.busy, seed: 2, 0..<5))
    }

    @Test func aTurnedThingCoversAsMuchAsAnUprightOne() {
        var painter = ScenePainter(sprites)
        let style = SceneStyle(height: 64, width: 64, share: 0.5...0.5, rotation: 0, texture: 0)
        for image in 0..<20 {
            var scene = Sample.composer(style, sprites).portrait(image)
            (scene.objects[0].x, scene.objects[0].y) = (32, 32)
            painter.paint(scene)
            let upright = (painter.whole[0], painter.owners)
            #expect(painter.visible == [upright.0])
            scene.objects[0].turn = 0.7
            painter.paint(scene)
            // Within what lies on its outline.
            #expect(abs(painter.whole[0] - upright.0) <= 12 + upright.0 / 10, "\(painter.whole[0]) of \(upright.0)")
            // Half a turn is the picture seen from the other side.
            scene.objects[0].turn = .pi
            painter.paint(scene)
            let differing = zip(painter.owners, upright.1.reversed()).count { $0 != $1 }
            #expect(differing <= 8, "\(differing) pixels of \(upright.0)")
        }
    }

    @Test func sineAndCosineAreThose() {
        for step in -200...200 {
            let angle = Double(step) / 200 * 2 * .pi
            #expect(abs(Turning.sine(angle) - sin(angle)) < 1e-12, "\(angle)")
            #expect(abs(Turning.cosine(angle) - cos(angle)) < 1e-12, "\(angle)")
        }
    }

    @Test func theGroundHasTheColourAndTheTextureThatAreAskedFor() {
        var painter = ScenePainter(sprites)
        for (texture, clutter) in [(0.0, 0), (20.0, 0)] {
            var style = SceneStyle(height: 224, width: 224, texture: texture, clutter: clutter)
            style.share = 0.2...0.2
            var deviations: [Double] = []
            for image in 0..<10 {
                var scene = Sample.composer(style, sprites).portrait(image)
                scene.objects = []
                scene.ground.colour = SIMD3(100, 100, 100)
                painter.paint(scene)
                let values = painter.pixels.map(Double.init)
                let mean = values.reduce(0, +) / Double(values.count)
                deviations.append(
                    (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
                #expect(abs(mean - 100) <= texture)
            }
            let deviation = deviations.reduce(0, +) / 10
            #expect(abs(deviation - texture) <= 0.3 * texture, "\(deviation) for \(texture)")
        }
    }
}
