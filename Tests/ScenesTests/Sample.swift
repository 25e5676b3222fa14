import Foundation

@testable import Scenes

/// The sprites that are part of the repository.
enum Sample {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    static func sprites() throws -> SpriteSplits { try SpriteSplits(.sample, from: repository) }

    static func composer(
        _ style: SceneStyle, _ sprites: Sprites, seed: UInt64 = 3, stream: SceneStream = .portraits
    ) -> SceneComposer {
        SceneComposer(sprites: sprites, style: style, seed: seed, stream: stream.rawValue)
    }

    static let clevr = SceneStyle(
        height: 64, width: 96, objects: 3...10, share: 0.2...0.42, rotation: 20, colours: .named, texture: 6,
        hasFloor: true)
    static let busy = SceneStyle(
        height: 48, width: 64, objects: 1...4, share: 0.4...0.9, rotation: 180, colours: .vivid, texture: 35, clutter: 6
    )
}
