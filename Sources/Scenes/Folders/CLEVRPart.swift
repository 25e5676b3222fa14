import Foundation

/// CLEVR in miniature: images with the things in them, their places and distances, in CLEVR's JSON.
struct CLEVRPart: SceneFolderPart {
    let plan: SceneFolderPlan
    let sprites: Sprites
    let isTraining: Bool

    var count: Int { isTraining ? plan.images : plan.validationImages }
    private var split: String { isTraining ? "train" : "val" }
    private func name(_ item: Int) -> String { "CLEVR_\(split)_\(padded(item, 6)).png" }

    /// Of things in a picture.
    static let counts = 3...10

    private func paint(_ item: Int, _ painter: inout ScenePainter) -> Scene {
        let style = SceneStyle(
            height: plan.size, width: plan.size * 3 / 2, objects: Self.counts, share: 0.2...0.42, rotation: 20,
            colours: .named, texture: 6, hasFloor: true)
        let composer = SceneComposer(
            sprites: sprites, style: style, seed: plan.seed,
            stream: (isTraining ? SceneStream.clevr : .clevrValidation).rawValue)
        // Counts and classes of the nearest distance in turn, so that few pictures have all of them. Eight and six of them
        // meet in every second pair; a shift by one class in every second round brings the other pairs.
        let round = item / (Self.counts.count * Self.distanceClasses / 2)
        return composer.crowd(
            item, count: Self.counts.lowerBound + item % Self.counts.count,
            nearest: (item + round % 2) % Self.distanceClasses, painter: &painter)
    }

    private static let distanceClasses = SceneDepth.classBounds.count + 1

    func files(of item: Int) -> [String] { ["\(SceneFolderKind.clevr.folder)/images/\(split)/\(name(item))"] }

    func make(_ item: Int, _ painter: inout ScenePainter) throws -> SceneFolderItem {
        let scene = paint(item, &painter)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let record = Record(scene, item, file: name(item), split: split, classNames: sprites.classNames)
        return SceneFolderItem(files: [try painter.png(scene)], record: Array(try encoder.encode(record)))
    }

    func preview(_ item: Int, _ painter: inout ScenePainter) -> ScenePreview {
        let scene = paint(item, &painter)
        let nearest = scene.objects.map(\.depth).min() ?? 0
        return painter.preview(
            scene, labels: nil, caption: "\(scene.objects.count) things, \((nearest * 10).rounded() / 10)")
    }

    var index: SceneFolderIndex? {
        SceneFolderIndex(
            path: "\(SceneFolderKind.clevr.folder)/scenes/CLEVR_\(split)_scenes.json",
            head: "{\"info\": {\"split\": \"\(split)\", \"version\": \"1.0\", \"license\": \"\", \"date\": \"\"}, "
                + "\"scenes\": [\n",
            separator: ",\n", tail: "\n]}\n")
    }

    /// An element of `scenes`.
    private struct Record: Encodable {
        struct Object: Encodable {
            enum CodingKeys: String, CodingKey {
                case shape, color, material, size, rotation
                case place = "3d_coords"
                case pixels = "pixel_coords"
            }

            let shape: String
            let color: String
            let material = "rubber"
            let size = "large"
            /// Degrees.
            let rotation: Double
            /// To the right, into the picture, and up, from a point below the camera.
            let place: [Double]
            /// Column, row, distance from the camera.
            let pixels: [Double]
        }

        enum CodingKeys: String, CodingKey {
            case index = "image_index"
            case file = "image_filename"
            case split, objects, relationships, directions
        }

        let index: Int
        let file: String
        let split: String
        let objects: [Object]
        /// For each thing the numbers of those that are to the left of it, …
        let relationships: [String: [[Int]]]
        let directions: [String: [Double]] = [
            "left": [-1, 0, 0], "right": [1, 0, 0], "front": [0, -1, 0], "behind": [0, 1, 0], "above": [0, 0, 1],
            "below": [0, 0, -1],
        ]

        init(_ scene: Scene, _ item: Int, file: String, split: String, classNames: [String]) {
            index = item
            self.file = file
            self.split = split
            let things = scene.objects
            objects = things.map { object in
                // Widths of a picture at distance one.
                let right = (object.x / Double(scene.width) - 0.5) * object.depth
                let up = (0.5 - object.y / Double(scene.height)) * object.depth
                return Object(
                    shape: classNames[object.label].asFileName,
                    color: NamedColour.all[object.colour ?? 0].name, rotation: object.turn * 180 / .pi,
                    place: [right, object.depth, up],
                    pixels: [object.x.rounded(.down), object.y.rounded(.down), object.depth])
            }
            func those(_ isSo: (SceneObject, SceneObject) -> Bool) -> [[Int]] {
                things.map { one in things.indices.filter { isSo(things[$0], one) } }
            }
            relationships = [
                "left": those { $0.x < $1.x }, "right": those { $0.x > $1.x },
                "front": those { $0.depth < $1.depth }, "behind": those { $0.depth > $1.depth },
            ]
        }
    }
}
