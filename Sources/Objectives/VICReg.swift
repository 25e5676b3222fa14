package import Declarations
import Expressions
package import Kernels
import TensorCore

/// VICReg's three terms (Bardes, Ponce & LeCun, ICLR 2022) over M views of the same n images.
///
/// For every ordered pair i ≠ j of views, divided by M(M − 1), as Algorithm 1 of C-JEPA:
/// - invariance: mean squared difference over n·d;
/// - variance: half the mean over d of max(0, 1 − √(var + 1e-4)) for each view, summed; var unbiased;
/// - covariance: Σ of the squared off-diagonal entries of the covariance (1/(n − 1)) over d for each view, summed.
///
/// With two views this is VICReg of one pair. Sums over pairs collapse into sums over views: the variance term is
/// (1/M) Σᵢ h(vᵢ), the covariance term (2/M) Σᵢ c(vᵢ), so that each view is handled once.
package struct VICReg: Sendable, Hashable {
    /// Weights of the terms; a term of weight 0 is measured but has no gradient.
    package var invariance: Double
    package var variance: Double
    package var covariance: Double

    package static let varianceEpsilon = 1e-4

    package init(invariance: Double = 25, variance: Double = 25, covariance: Double = 1) {
        self.invariance = invariance
        self.variance = variance
        self.covariance = covariance
    }

    /// The unweighted terms.
    package struct Terms: Sendable, Hashable {
        package var invariance = 0.0
        package var variance = 0.0
        package var covariance = 0.0

        package init(invariance: Double = 0, variance: Double = 0, covariance: Double = 0) {
            self.invariance = invariance
            self.variance = variance
            self.covariance = covariance
        }
    }

    package func total(_ terms: Terms) -> Double {
        invariance * terms.invariance + variance * terms.variance + covariance * terms.covariance
    }

    /// The terms, and the gradient of `scale` times their weighted sum.
    ///
    /// - Parameters:
    ///   - views: [M, n, d], M ≥ 2, n ≥ 2.
    ///   - gradient: [M, n, d]; overwritten.
    package func evaluate<Backend: KernelBackend>(
        views: Tensor<Backend>, scale: Double, gradient: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Terms {
        let backend = workspace.backend
        let (viewCount, n, d) = (views.shape[0], views.shape[1], views.shape[2])
        precondition(viewCount >= 2 && n >= 2, "VICReg needs two views of two images, not \(views.shape)")
        precondition(gradient.shape == views.shape, "gradient \(gradient.shape) of views \(views.shape)")
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        backend.fill(gradient, with: 0)
        var terms = Terms()
        terms.invariance = addInvariance(views, scale: scale, gradient, workspace)

        let plane = Shape(n, d)
        let (mean, spread, factor) = (workspace.take(Shape(d)), workspace.take(Shape(d)), workspace.take(Shape(d)))
        let centred = workspace.take(plane)
        let matrix = workspace.take(Shape(d, d))
        let perView = 1 / Double(viewCount)
        for view in 0..<viewCount {
            let x = views.window(at: view * n * d, plane)
            let dx = gradient.window(at: view * n * d, plane)
            backend.columnMoments(x, correction: 1, mean: mean, variance: spread)
            backend.normalizeColumns(x, mean: mean, factor: nil, to: centred)

            // d h / d x = −(x − mean) / (s · d · (n − 1)) where s < 1; its columns sum to zero, so centring adds nothing.
            let hinge = backend.standardDeviationHinge(
                variance: spread, epsilon: Backend.Scalar(Self.varianceEpsilon),
                scale: Backend.Scalar(scale * variance * perView / Double(d * (n - 1))), factor: factor)
            terms.variance += perView * hinge / Double(d)
            if variance != 0 { backend.addColumns(centred, times: factor, to: dx) }

            // c = Σ_{j≠k} C²_jk / d, C = XᵀX / (n − 1); d c / d x = 4 X C_off / (d (n − 1)).
            backend.multiply(
                centred, transposed: true, centred, transposed: false, alpha: Backend.Scalar(1 / Double(n - 1)),
                beta: 0, to: matrix)
            backend.zeroDiagonal(matrix)
            terms.covariance += 2 * perView * backend.sumOfSquares(matrix) / Double(d)
            if covariance != 0 {
                backend.multiply(
                    centred, transposed: false, matrix, transposed: false,
                    alpha: Backend.Scalar(scale * covariance * 2 * perView * 4 / Double(d * (n - 1))), beta: 1, to: dx)
            }
        }
        return terms
    }

    /// Σ_{i≠j} |vᵢ − vⱼ|² = 2 M Σᵢ |vᵢ − v̄|²: the distance to the mean view, which keeps its digits where views agree.
    private func addInvariance<Backend: KernelBackend>(
        _ views: Tensor<Backend>, scale: Double, _ gradient: Tensor<Backend>, _ workspace: Workspace<Backend>
    ) -> Double {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let (viewCount, n, d) = (views.shape[0], views.shape[1], views.shape[2])
        let plane = Shape(n, d)
        let meanView = workspace.takeZeroed(plane)
        for view in 0..<viewCount {
            backend.add(
                views.window(at: view * n * d, plane), times: Backend.Scalar(1 / Double(viewCount)), to: meanView)
        }
        let pairs = Double(viewCount * (viewCount - 1))
        let perPair = 1 / (Double(n * d) * pairs)
        let factor = Backend.Scalar(scale * invariance * 4 * Double(viewCount) * perPair)
        let difference = workspace.take(plane)
        var sum = 0.0
        for view in 0..<viewCount {
            backend.copy(views.window(at: view * n * d, plane), to: difference)
            backend.add(meanView, times: -1, to: difference)
            sum += backend.sumOfSquares(difference)
            if invariance != 0 {
                backend.add(difference, times: factor, to: gradient.window(at: view * n * d, plane))
            }
        }
        return 2 * Double(viewCount) * sum * perPair
    }

    /// Workspace elements of `evaluate`.
    package static func elements(rows n: Int, columns d: Int) -> Int {
        // The invariance term gives its memory back before the other terms begin.
        max(2 * alignedElements(n * d), 3 * alignedElements(d) + alignedElements(d * d) + alignedElements(n * d))
    }
}

// MARK: - As a term of the objective

extension VICReg: Regularizer {
    private static let pairs = "mean over all pairs of views that objective.vicreg.pairs names; unweighted"

    package static let declaration = RegularizerDeclaration(
        name: "vicreg", title: "VICReg", weightText: "β_vicreg; 0 switches the regulariser off (I-JEPA).",
        keys: [
            DeclaredKey(
                "invariance", default: 25.0, "Weight of the invariance term; 0: off.", limits: .notNegative,
                synonyms: "sim_coeff inv_coeff invariance_weight inv sim", isIdentityAtDefault: true),
            DeclaredKey(
                "variance", default: 25.0, "Weight of the variance term; 0: off.", limits: .notNegative,
                synonyms: "std_coeff var_coeff variance_weight var std mu", isIdentityAtDefault: true),
            DeclaredKey(
                "covariance", default: 1.0, "Weight of the covariance term; 0: off.", limits: .notNegative,
                synonyms: "cov_coeff covariance_weight cov nu", isIdentityAtDefault: true),
        ],
        parts: [
            DeclaredSeries(
                "invariance", title: "Invariance term", short: "inv", "mean squared difference over n*d; " + pairs),
            DeclaredSeries(
                "variance", title: "Variance term", short: "var",
                "half the mean over d of max(0, 1 - sqrt(var + 1e-4)) for each view, summed, var with 1/(n-1); " + pairs
            ),
            DeclaredSeries(
                "covariance", title: "Covariance term", short: "cov",
                "squared off-diagonal entries of the covariance with 1/(n-1), summed and divided by d, for each view, "
                    + "summed; " + pairs),
        ],
        convention:
            "invariance, variance and covariance with the weights of objective.vicreg, before its overall weight",
        minimumViews: 2, viewsKey: "pairs",
        views: [
            "blocks": .predictions, "context_target": .contextTarget, "predictions_context": .predictionsContext,
            "predictions_targets": .predictionsTargets, "patches": .patches,
        ],
        synonyms: "beta beta_vicreg vicreg_weight vicreg_coeff lambda reg_weight",
        first: .init(gradient: "regulariser", projector: "projector"))

    package init(_ settings: Settings) {
        self.init(
            invariance: settings["invariance"], variance: settings["variance"], covariance: settings["covariance"])
    }

    package var partWeights: [Double] {
        get { [invariance, variance, covariance] }
        set { (invariance, variance, covariance) = (newValue[0], newValue[1], newValue[2]) }
    }

    package func evaluator<Backend: KernelBackend>(
        of shape: ViewShape, on backend: Backend
    ) -> any RegularizerEvaluator<Backend> {
        Evaluator(vicreg: self, shape: shape)
    }

    /// One product for the covariance of each view, and two for its gradient.
    package func flops(_ shape: ViewShape) -> Double {
        3 * Double(shape.views) * Double(shape.rows) * (2 * Double(shape.width) * Double(shape.width))
    }

    package func elements(_ shape: ViewShape) -> Int { Self.elements(rows: shape.rows, columns: shape.width) }

    private struct Evaluator<Backend: KernelBackend>: RegularizerEvaluator {
        let vicreg: VICReg
        let shape: ViewShape

        var elements: Int { vicreg.elements(shape) }

        func evaluate(
            views: Tensor<Backend>, scale: Double, gradient: Tensor<Backend>, randomness: StepRandomness,
            workspace: Workspace<Backend>, parts: inout MeasuredValues
        ) {
            let terms = vicreg.evaluate(views: views, scale: scale, gradient: gradient, workspace: workspace)
            parts.append(terms.invariance)
            parts.append(terms.variance)
            parts.append(terms.covariance)
        }
    }
}
