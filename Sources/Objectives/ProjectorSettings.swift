package import Declarations

/// The map in front of a regulariser.
package struct ProjectorSettings: Sendable, Hashable {
    package enum Kind: String, SpecChoice, CaseIterable, Sendable {
        case none
        case linear
        /// Linear–BatchNorm–ReLU, Linear–BatchNorm–ReLU, Linear.
        case mlp
        /// The projector of another regulariser.
        case shared

        /// How many output widths it takes.
        package var widthCount: Int {
            switch self {
            case .none, .shared: 0
            case .linear: 1
            case .mlp: 3
            }
        }
    }

    /// Over which rows the BatchNorms of `mlp` take their statistics.
    package enum BatchNorm: String, SpecChoice, CaseIterable, Sendable {
        /// The images of one view, as the public VICReg code, which calls its projector once for each.
        case perView = "per_view"
        /// The images of all views together.
        case joint
    }

    package var kind: Kind
    /// Output widths of the linear maps: one for `linear`, three for `mlp`.
    package var widths: [Int]
    package var batchNorm: BatchNorm
    /// With `shared`, the regulariser whose projector it is.
    package var sharedWith: String?

    package init(_ kind: Kind, widths: [Int] = [], batchNorm: BatchNorm = .perView, sharedWith: String? = nil) {
        self.kind = kind
        self.widths = widths
        self.batchNorm = batchNorm
        self.sharedWith = sharedWith
    }

    package init(_ settings: Settings) {
        self.init(
            settings["projector.kind"], widths: settings["projector.widths"],
            batchNorm: settings["projector.batch_norm"], sharedWith: settings["projector.shared_with"])
    }

    /// - Parameter isFirst: Whether the keys are as old as the first hashes.
    static func keys(isFirst: Bool, _ isUsed: @escaping @Sendable (Settings) -> Bool) -> [DeclaredKey] {
        [
            DeclaredKey(
                "projector.kind", default: Kind.none, "Map in front of the regulariser; shared: that of another one.",
                isIdentityAtDefault: isFirst, applies: isUsed),
            DeclaredKey(
                "projector.widths", default: [Int](),
                "Output widths of the projector: one for linear, three for mlp.", limits: .between(1, 65_536),
                isIdentityAtDefault: isFirst, applies: isUsed),
            DeclaredKey(
                "projector.batch_norm", default: BatchNorm.perView,
                "BatchNorm statistics of the mlp projector: of each view (target block) separately, as in the public "
                    + "VICReg, or of all views together.", isIdentityAtDefault: isFirst,
                earlierValue: isFirst ? .joint : nil,
                applies: { $0["weight", as: Double.self] > 0 && $0["projector.kind", as: Kind.self] == .mlp }),
            DeclaredKey(
                "projector.shared_with", default: String?.none,
                "With projector.kind: shared, the regulariser whose projector it is.",
                applies: { $0["weight", as: Double.self] > 0 && $0["projector.kind", as: Kind.self] == .shared }),
        ]
    }
}
