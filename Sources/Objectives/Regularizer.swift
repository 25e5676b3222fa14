package import Declarations
package import Expressions
package import Kernels

/// A term of the objective on features of the whole batch, averaged over patches or not.
///
/// A type that conforms, in one file, and its name in `Regularizers.standard` are all that a new term takes: its keys,
/// checks, costs, series, gradient norms, charts and documentation follow from `declaration`.
package protocol Regularizer: Sendable {
    static var declaration: RegularizerDeclaration { get }

    /// - Parameter settings: Those of the keys that the type declares itself.
    init(_ settings: Settings)

    /// One for each part that is declared, in that order. The loss is the sum of the parts times these; a part of weight 0
    /// is measured but has no gradient.
    var partWeights: [Double] { get set }

    /// Made once for a run; evaluated at every step.
    func evaluator<Backend: KernelBackend>(of shape: ViewShape, on backend: Backend) -> any RegularizerEvaluator<
        Backend
    >

    /// Floating-point operations of the value and its gradient, as in `StepFLOPs`: those of matrix products.
    func flops(_ shape: ViewShape) -> Double

    /// Elements of memory of one evaluation, besides views and their gradient.
    func elements(_ shape: ViewShape) -> Int
}

/// A regulariser on a back end, for views of one shape.
package protocol RegularizerEvaluator<Backend>: Sendable {
    associatedtype Backend: KernelBackend

    /// Workspace elements of `evaluate`.
    var elements: Int { get }

    /// Appends the unweighted parts, and leaves the gradient of `scale` times their weighted sum. Makes no array: it is
    /// called at every step.
    ///
    /// - Parameters:
    ///   - views: [M, n, d].
    ///   - gradient: [M, n, d]; overwritten.
    ///   - randomness: For terms that draw random numbers at every step.
    ///   - parts: The parts are appended.
    func evaluate(
        views: Tensor<Backend>, scale: Double, gradient: Tensor<Backend>, randomness: StepRandomness,
        workspace: Workspace<Backend>, parts: inout MeasuredValues
    )
}

/// What other parts of the program need to know of a regulariser.
package struct RegularizerDeclaration: Sendable {
    /// Its group of keys below `objective`, and the beginning of its series: "vicreg".
    package let name: String
    /// As people write it: "VICReg".
    package let title: String
    /// The parts of its loss.
    package let parts: [DeclaredSeries]
    /// What its loss is exactly, as stored beside it.
    package let convention: String
    /// Fewest views, and fewest rows in each, that it is defined for.
    package let minimumViews: Int
    package let minimumImages: Int
    /// All its keys, in the order of the documentation, those that every regulariser has included.
    package let keys: [DeclaredKey]
    /// Whether it is measured in every run, also in those that do not train with it.
    package let isAlwaysMeasured: Bool
    /// The names of its gradient norms: of the whole term, and of its parts.
    package let gradientName: String
    package let gradientPartNames: [String]
    /// The name of its projector among the networks: before the names of its parameters.
    package let projectorName: String
    package let viewsKey: String
    package let views: KeyValuePairs<String, TermViews>

    /// - Parameters:
    ///   - weightText: Documentation of its weight.
    ///   - keys: Its own.
    ///   - views: Names of the views that it can take, the default first.
    ///   - firstNames: Names from before there were several regularisers; only for the first one.
    package init(
        name: String, title: String, weightText: String, keys: [DeclaredKey] = [], parts: [DeclaredSeries],
        convention: String, minimumViews: Int = 1, minimumImages: Int = 2, viewsKey: String = "on",
        views: KeyValuePairs<String, TermViews> = [
            "predictions": .predictions, "context": .context, "targets": .targets, "context_target": .contextTarget,
            "predictions_context": .predictionsContext, "predictions_targets": .predictionsTargets,
            "patches": .patches,
        ], synonyms: String = "", first: FirstNames? = nil
    ) {
        self.name = name
        self.title = title
        self.parts = parts
        self.convention = convention
        self.minimumViews = minimumViews
        self.minimumImages = minimumImages
        self.viewsKey = viewsKey
        self.views = views
        isAlwaysMeasured = first != nil
        gradientName = first?.gradient ?? name
        gradientPartNames = parts.map { first == nil ? "\(name)_\($0.name)" : $0.name }
        projectorName = first?.projector ?? "projector_\(name)"
        let isFirst = first != nil
        // A term without a weight leaves a run as it is.
        let isUsed: @Sendable (Settings) -> Bool = { isFirst || $0["weight", as: Double.self] > 0 }
        let weight = DeclaredKey(
            "weight", default: 0.0, weightText, limits: .notNegative, synonyms: synonyms, isIdentityAtDefault: isFirst)
        let viewNames = views.map(\.key)
        let viewsDeclared = DeclaredKey(
            viewsKey, default: viewNames[0],
            "The views, averaged over patches. "
                + views.map { "\($0.key): \($0.value.text)" }.joined(separator: "; ") + ".", choices: viewNames,
            synonyms: viewsKey == "on" ? "" : "on",
            isIdentityAtDefault: isFirst, applies: isUsed)
        let own = keys.map { key in
            var key = key
            let applies = key.applies
            key.applies = { isUsed($0) && applies($0) }
            return key
        }
        self.keys =
            [weight] + WeightSchedule.keys + own + [viewsDeclared] + ProjectorSettings.keys(isFirst: isFirst, isUsed)
    }

    /// What the first regulariser's numbers and networks have been called since before there were others.
    package struct FirstNames: Sendable {
        let gradient: String
        let projector: String

        package init(gradient: String, projector: String) {
            self.gradient = gradient
            self.projector = projector
        }
    }

    /// The column of its loss, before its weight: "vicreg_loss".
    package var lossColumn: String { "\(name)_loss" }
    /// The column of its weight, where that has a schedule: "vicreg_weight".
    package var weightColumn: String { "\(name)_weight" }
    /// The column of a part: "vicreg_invariance".
    package func column(of part: DeclaredSeries) -> String { "\(name)_\(part.name)" }
    /// "objective.vicreg".
    package var group: String { "objective.\(name)" }
}
