package import Datasets
import Declarations
package import Evaluation
package import Masking
package import Networks
package import Objectives
import Scenes

/// What a spec can name: data sets, terms, losses, samplers, rules, predictors and evaluation tasks, and with them all keys.
///
/// The rest of the program asks `current` and names none of them itself. A test puts one of its own into it for as long as
/// a closure runs.
package struct Catalogue: Sendable {
    package let imageCollections: ChoiceKey<any ImageCollection.Type>
    package let regularizers: [any Regularizer.Type]
    package let predictionLosses: ChoiceKey<any PredictionLoss.Type>
    package let maskSamplers: ChoiceKey<any MaskSampler.Type>
    package let targetEncoderRules: ChoiceKey<any TargetEncoderRule.Type>
    package let predictors: ChoiceKey<any FeaturePredictor.Type>
    package let evaluationTasks: [any EvaluationTask.Type]
    /// Every key of a run's configuration, in the order of the documentation.
    package let keys: [SpecKey]
    let keysByPath: [String: SpecKey]
    /// Every prefix that is a group of keys: "objective", "objective.vicreg", …
    let groups: Set<String>

    package init(
        imageCollections: [any ImageCollection.Type] = Catalogue.imageCollections,
        regularizers: [any Regularizer.Type] = Regularizers.standard,
        predictionLosses: [any PredictionLoss.Type] = PredictionLosses.standard,
        maskSamplers: [any MaskSampler.Type] = MaskSamplers.standard,
        targetEncoderRules: [any TargetEncoderRule.Type] = TargetEncoderRules.standard,
        predictors: [any FeaturePredictor.Type] = Predictors.standard,
        evaluationTasks: [any EvaluationTask.Type] = EvaluationTasks.standard
    ) {
        self.imageCollections = ChoiceKey(
            "dataset", in: "data", default: ImageCollections.defaultName, "Images to train and test on.",
            options: imageCollections, declared: imageCollections, keys: .beside, isIdentityAtDefault: true)
        self.regularizers = regularizers
        self.evaluationTasks = evaluationTasks
        self.predictionLosses = ChoiceKey(
            "prediction", in: "objective", default: PredictionLosses.defaultName,
            "Loss between predictions and targets.",
            options: predictionLosses, declared: predictionLosses, keys: .below, isIdentityAtDefault: true)
        self.maskSamplers = ChoiceKey(
            "sampler", in: "masks", default: MaskSamplers.defaultName, "How context and targets are drawn.",
            options: maskSamplers, declared: maskSamplers, keys: .beside, isIdentityAtDefault: true)
        self.targetEncoderRules = ChoiceKey(
            "kind", in: "target_encoder", default: TargetEncoderRules.defaultName, "Where targets come from.",
            options: targetEncoderRules, declared: targetEncoderRules, keys: .beside, isIdentityAtDefault: true)
        self.predictors = ChoiceKey(
            "kind", in: Predictors.group, default: Predictors.defaultName,
            "What predicts the features of hidden blocks.",
            options: predictors, declared: predictors, keys: .beside, isIdentityAtDefault: true)
        let terms = regularizers.flatMap { type in
            type.declaration.keys.map { SpecKey($0, of: type.declaration.keys, in: type.declaration.group) }
        }
        let tasks = evaluationTasks.flatMap { type in
            type.declaration.keys.map { SpecKey($0, of: type.declaration.keys, in: type.declaration.group) }
        }
        keys = SpecKey.table(
            data: self.imageCollections.keys, predictors: self.predictors.keys, masks: self.maskSamplers.keys,
            objective: self.predictionLosses.keys + terms, targetEncoder: self.targetEncoderRules.keys,
            evaluationTasks: tasks)
        precondition(Set(keys.map(\.path)).count == keys.count, "two options of one name, or two keys of one path")
        keysByPath = Dictionary(keys.map { ($0.path, $0) }) { first, _ in first }
        groups = Set(
            keys.flatMap { key in
                let parts = key.path.split(separator: ".")
                return (1..<parts.count).map { parts.prefix($0).joined(separator: ".") }
            })
    }

    /// Those that are read, then those that the program paints.
    package static let imageCollections = ImageCollections.standard + SceneCollections.standard

    /// What the program has.
    package static let standard = Catalogue()

    /// What specs and stored configurations are read with.
    @TaskLocal package static var current = Catalogue.standard
}

extension RunConfiguration {
    /// The loss between predictions and targets, with this run's settings.
    package var predictionLoss: any PredictionLoss {
        let losses = Catalogue.current.predictionLosses
        return losses.option(in: self).init(losses.settings(in: self))
    }

    /// Where the run's targets come from.
    package var targetEncoderRule: any TargetEncoderRule {
        let rules = Catalogue.current.targetEncoderRules
        let rule = rules.option(in: self).init(rules.settings(in: self))
        precondition(!rule.hasGradient || !rule.hasOwnParameters, "\(rule): a gradient would reach no parameters")
        return rule
    }

    /// The kind of predictor.
    package var predictorType: any FeaturePredictor.Type { Catalogue.current.predictors.option(in: self) }

    /// The values of the keys of that kind.
    var predictorSettings: Settings { Catalogue.current.predictors.settings(in: self) }

    /// What it knows of the encoder.
    var encoderSummary: EncoderSummary {
        EncoderSummary(
            width: model.width, heads: model.heads, mlpRatio: model.mlpRatio, grid: model.imageSize / model.patchSize)
    }

    /// The predictor of a configuration that can work.
    package var predictor: any FeaturePredictor {
        predictorType.init(predictorSettings, encoderSummary, recomputes: resources.recompute)
    }

    /// Every regulariser that there is, with this run's settings.
    package var terms: [ObjectiveTerm] {
        Catalogue.current.regularizers.map { type in
            ObjectiveTerm(type, settings(of: type.declaration.keys, in: type.declaration.group))
        }
    }

    /// Those that a run trains with.
    package var activeTerms: [ObjectiveTerm] { terms.filter(\.isActive) }

    /// Those that a run computes, if only to record what they are.
    package var measuredTerms: [ObjectiveTerm] { terms.filter(\.isMeasured) }

    /// The projector that a term's views go through, with the term that has its parameters; none where there is none.
    package func projector(of term: ObjectiveTerm) -> (owner: ObjectiveTerm, settings: ProjectorSettings)? {
        switch term.projector.kind {
        case .none: return nil
        case .linear, .mlp: return (term, term.projector)
        case .shared:
            guard let owner = terms.first(where: { $0.declaration.name == term.projector.sharedWith }),
                owner.projector.kind != .none, owner.projector.kind != .shared
            else { return nil }
            return (owner, owner.projector)
        }
    }

    /// The settings of a group of declared keys.
    func settings(of keys: [DeclaredKey], in group: String) -> Settings {
        let values = keys.compactMap { key in declared["\(group).\(key.name)"].map { (key.name, $0) } }
        return Settings(keys, Dictionary(values) { first, _ in first })
    }
}
