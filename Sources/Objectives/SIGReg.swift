package import Declarations
package import Expressions

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// SIGReg (LeJEPA: Balestriero & LeCun 2025), as in its public minimal example: the views' features, projected onto random
/// directions, are compared with a standard normal distribution by the Epps–Pulley statistic.
///
/// For a direction the statistic is n ∫ |φ(t) − exp(−t²/2)|² exp(−t²/2) dt with φ the characteristic function of the n
/// projections, by the trapezoidal rule on 0…3, doubled for −3…0. It is averaged over directions, which are drawn anew at
/// every step and are the same for all views, and over views.
package struct SIGReg: ExpressionRegularizer, Hashable {
    package var directions: Int
    /// Points of the trapezoidal rule, at least 2.
    package var knots: Int
    /// The last point.
    package var limit: Double

    package init(directions: Int = 256, knots: Int = 17, limit: Double = 3) {
        self.directions = directions
        self.knots = knots
        self.limit = limit
    }

    package static let declaration = RegularizerDeclaration(
        name: "sigreg", title: "SIGReg", weightText: "Weight of SIGReg; 0: off.",
        keys: [
            DeclaredKey(
                "directions", default: 256, "Random directions, drawn anew at every step.", limits: .between(1, 65_536),
                synonyms: "num_slices slices projections"),
            DeclaredKey(
                "knots", default: 17, "Points at which the characteristic functions are compared.",
                limits: .between(2, 256), synonyms: "n_points"),
        ],
        parts: [
            DeclaredSeries(
                "statistic", title: "Epps–Pulley statistic", short: "sigreg",
                "Epps-Pulley statistic against a standard normal, mean over random directions and views")
        ], convention: "the Epps-Pulley statistic, before the term's weight")

    package var partWeights = [1.0]

    package init(_ settings: Settings) { self.init(directions: settings["directions"], knots: settings["knots"]) }

    package func parts(of views: [Expression]) -> [Expression] {
        [statistic(of: views, along: views[0].graph.normal(rows: views[0].columns, columns: directions))]
    }

    /// The mean statistic along the columns of a matrix [d, directions], whose lengths do not matter.
    package func statistic(of views: [Expression], along directions: Expression) -> Expression {
        let unit = directions.normalized(over: .rows, epsilon: 0)
        let spacing = limit / Double(knots - 1)
        let statistics = views.map { view in
            let projections = view.times(unit)
            let terms = (0..<knots).map { knot in
                let t = Double(knot) * spacing
                let angles = projections * t
                let normal = exp(-t * t / 2)
                let weight = (knot == 0 || knot == knots - 1 ? 1 : 2) * spacing * normal
                let error =
                    (cos(angles).mean(over: .rows) - normal).squared + sin(angles).mean(over: .rows).squared
                return error * weight
            }
            return terms[1...].reduce(terms[0], +).mean() * Double(view.rows)
        }
        return Expression.mean(statistics)
    }
}
