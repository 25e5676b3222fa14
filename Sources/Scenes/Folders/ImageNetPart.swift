/// ImageNet in miniature: class folders of JPEGs, each of one main thing.
struct ImageNetPart: SceneFolderPart {
    let plan: SceneFolderPlan
    let sprites: Sprites
    let isTraining: Bool

    var count: Int { isTraining ? plan.images : plan.validationImages }

    private func composer(_ item: Int) -> SceneComposer {
        // A third each square, wide and high.
        let long = (plan.size * 4 + 2) / 3
        let style = SceneStyle(
            height: item % 3 == 1 ? long : plan.size, width: item % 3 == 2 ? long : plan.size, objects: 1...3,
            share: 0.5...0.9, rotation: 30, colours: plan.colours, texture: 15, clutter: 4)
        return SceneComposer(
            sprites: sprites, style: style, seed: plan.seed,
            stream: (isTraining ? SceneStream.imageNet : .imageNetValidation).rawValue)
    }

    func files(of item: Int) -> [String] {
        let name = sprites.classNames[item % sprites.classCount].asFileName
        return ["imagenet/\(isTraining ? "train" : "val")/\(name)/\(name)_\(padded(item, 8)).JPEG"]
    }

    func make(_ item: Int, _ painter: inout ScenePainter) throws -> SceneFolderItem {
        let scene = composer(item).portrait(item)
        painter.paint(scene)
        return SceneFolderItem(files: [try painter.jpeg(scene)])
    }

    func preview(_ item: Int, _ painter: inout ScenePainter) -> ScenePreview {
        let scene = composer(item).portrait(item)
        painter.paint(scene)
        return painter.preview(scene, labels: nil, caption: sprites.classNames[item % sprites.classCount])
    }
}
