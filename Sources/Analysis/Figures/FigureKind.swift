/// The figures that can be made of an experiment.
package enum FigureKind: String, CaseIterable, Sendable {
    /// Differences from the baseline with intervals, and the floors.
    case forest
    /// Values with their spread and each seed, and the floors.
    case bars
    /// A metric over steps.
    case curves
    /// Singular values of the last evaluation.
    case spectra
    /// Rank and scale of the features over steps.
    case collapse
    /// Main effects of the axes.
    case effects

    /// Whether `--metric` chooses what is shown.
    package var takesMetric: Bool { self != .spectra && self != .collapse }
}

/// How wide a figure is, in the columns of a paper.
package enum FigureWidth: String, CaseIterable, Sendable {
    case one
    case two

    /// 3.25 in and 6.75 in, in points.
    var points: Double { self == .one ? 234 : 486 }
}
