/// DAVIS-2017 in miniature: sequences of JPEGs, and for each frame a PNG whose palette numbers the things.
struct DAVISPart: SceneFolderPart {
    let plan: SceneFolderPlan
    let sprites: Sprites
    let isTraining: Bool

    /// About as many frames as images of the other kinds.
    var count: Int { max(1, ((isTraining ? plan.images : plan.validationImages) + 29) / 30) }

    private func name(_ item: Int) -> String { "scene-\(isTraining ? "t" : "v")\(padded(item, 5))" }

    private var composer: SceneComposer {
        let style = SceneStyle(
            height: plan.size, width: (plan.size * 854 + 240) / 480, objects: 2...4, share: 0.25...0.55, rotation: 30,
            colours: plan.colours, texture: 15, clutter: 5)
        let stream = isTraining ? SceneStream.davis : .davisValidation
        return SceneComposer(sprites: sprites, style: style, seed: plan.seed, stream: stream.rawValue)
    }

    func files(of item: Int) -> [String] {
        (0..<SceneSequence.frameCount(composer, item)).flatMap { frame in
            [
                "\(SceneFolderKind.davis.folder)/JPEGImages/480p/\(name(item))/\(padded(frame, 5)).jpg",
                "\(SceneFolderKind.davis.folder)/Annotations/480p/\(name(item))/\(padded(frame, 5)).png",
            ]
        }
    }

    func make(_ item: Int, _ painter: inout ScenePainter) throws -> SceneFolderItem {
        let sequence = SceneSequence.compose(composer, item, painter: &painter)
        var files: [[UInt8]] = []
        for number in 0..<sequence.frameCount {
            let scene = sequence.frame(number)
            painter.paint(scene)
            files.append(try painter.jpeg(scene))
            files.append(try ScenePainter.png(labels: painter.owners, scene))
        }
        return SceneFolderItem(files: files, record: Array("\(name(item))\n".utf8))
    }

    /// Frames of one sequence after another, six of each.
    func preview(_ item: Int, _ painter: inout ScenePainter) -> ScenePreview {
        let sequence = SceneSequence.compose(composer, item / 6 % count, painter: &painter)
        let number = item % 6 * (sequence.frameCount - 1) / 5
        let scene = sequence.frame(number)
        painter.paint(scene)
        return painter.preview(scene, labels: painter.owners, caption: "frame \(number)")
    }

    var index: SceneFolderIndex? {
        SceneFolderIndex(
            path: "\(SceneFolderKind.davis.folder)/ImageSets/2017/\(isTraining ? "train" : "val").txt", head: "",
            separator: "", tail: "")
    }
}
