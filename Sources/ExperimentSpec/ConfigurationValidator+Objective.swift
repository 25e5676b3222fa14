import Declarations
import Masking
import Networks
import Objectives

extension ConfigurationValidator {
    mutating func checkObjective() {
        for term in configuration.terms {
            checkProjector(of: term)
            if term.weight.weight > 0 { checkViews(of: term) }
        }
    }

    private mutating func checkProjector(of term: ObjectiveTerm) {
        let (group, projector) = (term.declaration.group, term.projector)
        let needed = projector.kind.widthCount
        if projector.widths.count != needed {
            find(
                "\(group).projector.widths", "\(group).projector.kind",
                message: "the projector \(projector.kind.rawValue) takes \(counted(needed, "width")), "
                    + "not \(projector.widths.count)",
                remedy: projector.kind == .none
                    ? "set projector.kind, or remove the widths"
                    : needed == 0 ? "remove the widths" : "list the output width of each map")
        }
        if let name = projector.sharedWith, projector.kind != .shared {
            find(
                "\(group).projector.shared_with", "\(group).projector.kind",
                message: "names \(name), but the projector is not shared", remedy: "set projector.kind: shared")
        }
        guard projector.kind == .shared, term.weight.weight > 0, configuration.projector(of: term) == nil else {
            return
        }
        let owners = configuration.terms.filter { [.linear, .mlp].contains($0.projector.kind) }.map(\.declaration.name)
        let names = configuration.terms.map(\.declaration.name)
        let name =
            projector.sharedWith.map { name in
                names.contains(name)
                    ? "\(name) has no projector of its own"
                    : "there is no regulariser \(name)"
                        + (nearestName(to: name, among: names).map { "; did you mean \($0)?" } ?? "")
            } ?? "none is named"
        find(
            "\(group).projector.shared_with", "\(group).projector.kind",
            message: "shares the projector of another regulariser, but \(name)",
            remedy: owners.isEmpty
                ? "give one regulariser a projector of its own"
                : "regularisers with a projector: \(owners.joined(separator: ", "))")
    }

    private mutating func checkViews(of term: ObjectiveTerm) {
        let (declaration, group) = (term.declaration, term.declaration.group)
        let title = declaration.title
        if let owner = configuration.projector(of: term)?.owner, owner.weight.weight == 0 {
            find(
                "\(group).projector.shared_with", "\(owner.declaration.group).weight",
                message: "shares the projector of \(owner.declaration.title), which has no weight",
                remedy: "give \(title) a projector of its own")
        }
        if configuration.training.batchSize < declaration.minimumImages {
            find(
                "training.batch_size", "\(group).weight",
                message: "\(title) needs a batch of at least \(counted(declaration.minimumImages, "image"))",
                remedy: "set training.batch_size: \(declaration.minimumImages) or more")
        }
        let others = declaration.views.filter {
            !$0.value.hasBlocks && $0.value.count(blocks: 1) >= declaration.minimumViews
        }
        let otherViews = others.first.map { "\(group).\(declaration.viewsKey): \($0.key)" }
        let blocks = targetBlocks ?? declaration.minimumViews
        let count = term.views.count(blocks: blocks)
        if term.views.hasBlocks, count < declaration.minimumViews {
            let fewest = declaration.minimumViews - count + blocks
            let samplers = Catalogue.current.maskSamplers
            let key = samplers.option(in: configuration).blocksKey.map {
                samplers.path(ofKey: $0, in: configuration)
            }
            find(
                key ?? samplers.path, "\(group).\(declaration.viewsKey)", "\(group).weight",
                message: "\(title) over target blocks needs at least \(counted(fewest, "block"))",
                remedy: (key.map { "set \($0): \(fewest) or more" } ?? "choose another \(samplers.path)")
                    + (otherViews.map { ", or \($0)" } ?? ""))
        } else if count < declaration.minimumViews {
            find(
                "\(group).\(declaration.viewsKey)", "\(group).weight",
                message: "\(title) needs at least \(counted(declaration.minimumViews, "view"))",
                remedy: "choose another value that has as many")
        }
        if term.views == .targets, !configuration.targetEncoderRule.hasGradient {
            let rules = Catalogue.current.targetEncoderRules
            let others = rules.options.filter { $0.init().hasGradient }.map { ", or \(rules.path): \($0.name)" }
            let views = declaration.views.first { !$0.value.includes(.targets) && !$0.value.hasBlocks }
            find(
                "\(group).\(declaration.viewsKey)", rules.path, "\(group).weight",
                message: "the target encoder has no gradient, so \(title) on its features has no effect",
                remedy: "set \(group).\(declaration.viewsKey): \(views?.key ?? "another")" + others.joined())
        }
        let predictor = configuration.predictorType
        let isOfBlocks = [.predictions, .patches, .predictionsContext].contains(term.views)
        if isOfBlocks, declaration.minimumViews > 1, !predictor.distinguishesBlocks {
            let kind = Catalogue.current.predictors
            let other = kind.options.first { $0.distinguishesBlocks }
            find(
                "\(group).\(declaration.viewsKey)", kind.path, "\(group).weight",
                message: "with \(kind.path): \(predictor.name) the predictions of all blocks are equal, so comparing "
                    + "them has no effect",
                remedy: "set " + (otherViews ?? "\(kind.path): \(other?.name ?? "another")"))
        }
    }
}
