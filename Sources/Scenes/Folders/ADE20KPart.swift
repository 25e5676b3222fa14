/// ADE20K in miniature, as ADEChallengeData2016 has it: each image with a map of classes, 1 to 10, 0 for the ground.
struct ADE20KPart: SceneFolderPart {
    let plan: SceneFolderPlan
    let sprites: Sprites
    let isTraining: Bool

    var count: Int { isTraining ? plan.images : plan.validationImages }
    private var split: String { isTraining ? "training" : "validation" }

    private func name(_ item: Int) -> String { "ADE_\(isTraining ? "train" : "val")_\(padded(item + 1, 8))" }

    func files(of item: Int) -> [String] {
        let root = SceneFolderKind.ade20k.folder
        return [
            "\(root)/images/\(split)/\(name(item)).jpg", "\(root)/annotations/\(split)/\(name(item)).png",
        ]
    }

    private func paint(_ item: Int, _ painter: inout ScenePainter) -> (scene: Scene, classes: [UInt8]) {
        let style = SceneStyle.photograph(item, size: plan.size, objects: 3...8, plan.colours)
        let stream = isTraining ? SceneStream.ade20k : .ade20kValidation
        let composer = SceneComposer(sprites: sprites, style: style, seed: plan.seed, stream: stream.rawValue)
        let scene = composer.crowd(item, painter: &painter)
        let classes = [0] + scene.objects.map { UInt8($0.label + 1) }
        return (scene, painter.owners.map { classes[Int($0)] })
    }

    func make(_ item: Int, _ painter: inout ScenePainter) throws -> SceneFolderItem {
        let (scene, classes) = paint(item, &painter)
        return SceneFolderItem(files: [try painter.jpeg(scene), try ScenePainter.png(labels: classes, scene)])
    }

    func preview(_ item: Int, _ painter: inout ScenePainter) -> ScenePreview {
        let (scene, classes) = paint(item, &painter)
        return painter.preview(scene, labels: classes, caption: "\(scene.objects.count) things")
    }

    /// `objectInfo150.txt` and `sceneCategories.txt`, once for both parts.
    var texts: [(path: String, text: String)] {
        guard isTraining else { return [] }
        let root = SceneFolderKind.ade20k.folder
        let classes = sprites.classNames.enumerated().map { "\($0 + 1)\t0\t0\t0\t\($1)" }
        let validation = ADE20KPart(plan: plan, sprites: sprites, isTraining: false)
        let names = (0..<count).map(name) + (0..<validation.count).map(validation.name)
        return [
            ("\(root)/objectInfo150.txt", (["Idx\tRatio\tTrain\tVal\tName"] + classes).joined(separator: "\n") + "\n"),
            ("\(root)/sceneCategories.txt", names.map { "\($0) scene\n" }.joined()),
        ]
    }
}
