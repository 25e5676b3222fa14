import Declarations
import Expressions
import Kernels
import Objectives

/// A term that the program does not have: how far the mean square of the pooled features is from a level.
///
/// level part: (mean x² − level)²; size part: mean x². All that it takes is this file and a place in the list.
struct NormTerm: Regularizer {
    var level: Double
    var partWeights: [Double]

    static let declaration = RegularizerDeclaration(
        name: "norm", title: "Norm term", weightText: "Weight of the norm term.",
        keys: [
            DeclaredKey(
                "level", default: 1.0, "Mean square that costs nothing.", limits: .notNegative, synonyms: "radius"),
            DeclaredKey("size", default: 0.5, "Weight of the size.", limits: .notNegative),
        ],
        parts: [
            DeclaredSeries("level", title: "Level part", short: "level", "squared distance of mean x² from the level"),
            DeclaredSeries("size", title: "Size part", short: "size", "mean x²"),
        ], convention: "level and size with their weights")

    init(level: Double, size: Double) {
        self.level = level
        partWeights = [1, size]
    }

    init(_ settings: Settings) { self.init(level: settings["level"], size: settings["size"]) }

    func evaluator<Backend: KernelBackend>(
        of shape: ViewShape, on backend: Backend
    ) -> any RegularizerEvaluator<Backend> {
        Evaluator(term: self)
    }

    func flops(_ shape: ViewShape) -> Double { 7 }
    func elements(_ shape: ViewShape) -> Int { 0 }

    private struct Evaluator<Backend: KernelBackend>: RegularizerEvaluator {
        let term: NormTerm
        var elements: Int { 0 }

        func evaluate(
            views: Tensor<Backend>, scale: Double, gradient: Tensor<Backend>, randomness: StepRandomness,
            workspace: Workspace<Backend>, parts: inout MeasuredValues
        ) {
            let backend = workspace.backend
            let mean = backend.sumOfSquares(views) / Double(views.count)
            parts.append((mean - term.level) * (mean - term.level))
            parts.append(mean)
            let slope = 2 * term.partWeights[0] * (mean - term.level) + term.partWeights[1]
            backend.copy(views, to: gradient)
            backend.scale(gradient, by: Backend.Scalar(2 * scale * slope / Double(views.count)))
        }
    }
}

/// A prediction loss that the program does not have: the mean of scale · ln cosh(x / scale), x the difference.
struct LogCosh: ExpressionPredictionLoss {
    static let name = "log_cosh"
    static let title = "ln cosh"
    static let keys = [
        DeclaredKey("scale", default: 1.0, "Differences well below it count by their square.", limits: .positive)
    ]

    let scale: Double

    init(scale: Double = 1) { self.scale = scale }
    init(_ settings: Settings) { self.init(scale: settings["scale"]) }

    func losses(_ prediction: Expression, _ target: Expression) -> Expression {
        // ln cosh x = |x| + ln(1 + exp(−2|x|)) − ln 2.
        let distance = (prediction - target).magnitude / scale
        return (distance + log(exp(distance * -2) + 1) - 0.693_147_180_559_945_3) * scale
    }
}
