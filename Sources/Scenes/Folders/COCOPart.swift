import Foundation

/// COCO in miniature: images with boxes, areas and outlines of the things that are seen in them.
struct COCOPart: SceneFolderPart {
    let plan: SceneFolderPlan
    let sprites: Sprites
    let isTraining: Bool

    var count: Int { isTraining ? plan.images : plan.validationImages }
    private var split: String { isTraining ? "train2017" : "val2017" }
    /// Numbers of images are different in both parts, as COCO's are.
    private func number(_ item: Int) -> Int { 1 + item + (isTraining ? 0 : plan.images) }
    private func name(_ item: Int) -> String { padded(number(item), 12) + ".jpg" }

    private func style(_ item: Int) -> SceneStyle {
        SceneStyle.photograph(item, size: plan.size, objects: 2...7, plan.colours)
    }

    private func paint(_ item: Int, _ painter: inout ScenePainter) -> Scene {
        let stream = isTraining ? SceneStream.coco : .cocoValidation
        let composer = SceneComposer(sprites: sprites, style: style(item), seed: plan.seed, stream: stream.rawValue)
        return composer.crowd(item, painter: &painter)
    }

    func files(of item: Int) -> [String] { ["\(SceneFolderKind.coco.folder)/\(split)/\(name(item))"] }

    func make(_ item: Int, _ painter: inout ScenePainter) throws -> SceneFolderItem {
        let scene = paint(item, &painter)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var records: [String] = []
        for (place, object) in scene.objects.enumerated() {
            let annotation = Annotation(
                painter, scene, object: place, id: number(item) * 1000 + place, image: number(item),
                category: object.label + 1)
            records.append(String(decoding: try encoder.encode(annotation), as: UTF8.self))
        }
        return SceneFolderItem(
            files: [try painter.jpeg(scene)], record: Array(records.joined(separator: ",\n").utf8))
    }

    func preview(_ item: Int, _ painter: inout ScenePainter) -> ScenePreview {
        let scene = paint(item, &painter)
        return painter.preview(scene, labels: painter.owners, caption: "\(scene.objects.count) things")
    }

    var index: SceneFolderIndex? {
        let categories = sprites.classNames.enumerated().map { place, name in
            "{\"id\": \(place + 1), \"name\": \"\(name.asFileName)\", \"supercategory\": \"thing\"}"
        }
        let images = (0..<count).map { item in
            let style = style(item)
            return "{\"id\": \(number(item)), \"file_name\": \"\(name(item))\", \"width\": \(style.width), "
                + "\"height\": \(style.height), \"license\": 1}"
        }
        let info = "{\"description\": \"COCO in miniature, made by cjepa-exp\", \"version\": \"1.0\", \"year\": 2017}"
        return SceneFolderIndex(
            path: "\(SceneFolderKind.coco.folder)/annotations/instances_\(split).json",
            head: "{\"info\": \(info),\n\"licenses\": [{\"id\": 1, \"name\": \"\", \"url\": \"\"}],\n"
                + "\"categories\": [\(categories.joined(separator: ", "))],\n"
                + "\"images\": [\n\(images.joined(separator: ",\n"))\n],\n\"annotations\": [\n",
            separator: ",\n", tail: "\n]}\n")
    }

    private struct Annotation: Encodable {
        enum CodingKeys: String, CodingKey {
            case id, area, segmentation
            case image = "image_id"
            case category = "category_id"
            case box = "bbox"
            case isCrowd = "iscrowd"
        }

        let id: Int
        let image: Int
        let category: Int
        /// Left, top, width, height, of what is seen.
        let box: [Int]
        /// Pixels that are seen.
        let area: Int
        let isCrowd = 0
        let segmentation: [[Double]]

        init(_ painter: ScenePainter, _ scene: Scene, object: Int, id: Int, image: Int, category: Int) {
            self.id = id
            self.image = image
            self.category = category
            area = painter.visible[object]
            box = painter.box(of: object, scene)
            segmentation =
                MaskOutline(painter.owners, height: scene.height, width: scene.width, owner: UInt8(object + 1)).polygons
        }
    }
}

extension ScenePainter {
    /// Left, top, width and height of what is seen of a thing; zeros where nothing is.
    func box(of object: Int, _ scene: Scene) -> [Int] {
        var (left, top, right, bottom) = (scene.width, scene.height, 0, 0)
        for y in 0..<scene.height {
            for x in 0..<scene.width where owners[y * scene.width + x] == UInt8(object + 1) {
                (left, right) = (min(left, x), max(right, x + 1))
                (top, bottom) = (min(top, y), max(bottom, y + 1))
            }
        }
        return right > left ? [left, top, right - left, bottom - top] : [0, 0, 0, 0]
    }
}
