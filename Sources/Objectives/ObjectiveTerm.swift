package import Declarations

/// A regulariser as a run uses it: with its weight, on some views, behind a projector or none.
package struct ObjectiveTerm: Sendable {
    package let declaration: RegularizerDeclaration
    package let regularizer: any Regularizer
    package let weight: WeightSchedule
    package let views: TermViews
    package let projector: ProjectorSettings
    /// Weights of the parts of its loss.
    package let partWeights: [Double]
    /// Whether it has a gradient: a weight, and a part with a weight. Without one it can only be measured, and cannot be
    /// inert.
    package let isActive: Bool

    package init(
        _ regularizer: some Regularizer, weight: WeightSchedule, views: TermViews,
        projector: ProjectorSettings = ProjectorSettings(.none)
    ) {
        declaration = type(of: regularizer).declaration
        self.regularizer = regularizer
        self.weight = weight
        self.views = views
        self.projector = projector
        partWeights = regularizer.partWeights
        isActive = weight.weight > 0 && partWeights.contains { $0 != 0 }
    }

    /// - Parameter settings: Values of the keys that the type declares.
    package init(_ type: any Regularizer.Type, _ settings: Settings) {
        let declaration = type.declaration
        let name: String = settings[declaration.viewsKey]
        guard let views = declaration.views.first(where: { $0.key == name })?.value else {
            preconditionFailure("\(declaration.name) has no views \(name)")
        }
        self.init(
            type.init(settings), weight: WeightSchedule(settings), views: views, projector: ProjectorSettings(settings))
    }

    /// How many gradients `gradient_norms_every` takes of it: its own and, if it has several, those of its parts.
    package var gradientCount: Int {
        isActive ? 1 + (partWeights.count > 1 ? partWeights.count { $0 != 0 } : 0) : 0
    }

    /// Whether a run computes it.
    package var isMeasured: Bool { weight.weight > 0 || declaration.isAlwaysMeasured }
}
