import Kernels
import TensorCore

/// Xᵀ·X/n of features, for bounds on the curvature.
enum FeatureSquare<Backend: KernelBackend>: Sendable {
    case whole(TrianglePanels<Backend>)
    /// The diagonal alone, [D].
    case diagonal([Double])

    var columns: Int {
        switch self {
        case .whole(let panels): panels.order
        case .diagonal(let values): values.count
        }
    }
}

/// A bound on the Hessian of the multinomial logistic loss, as a preconditioner: ½·(Xᵀ·X/n + 2·λ) for the weights of every
/// class, ½ for biases (Böhning, Annals of the Institute of Statistical Mathematics 44, 1992).
///
/// Features are centred, so weights and biases do not mix. For very many columns only the diagonal is used.
struct CurvatureBound<Backend: KernelBackend>: Sendable {
    private let classes: Int
    private let columns: Int
    private let backend: Backend
    private let inverse: Inverse

    private enum Inverse {
        case factor(CholeskyFactor<Backend>)
        /// [D].
        case diagonal([Double])
    }

    /// - Parameters:
    ///   - penalty: λ.
    ///   - threads: Of the factorisation; no result depends on it.
    init(square: FeatureSquare<Backend>, classes: Int, penalty: Double, on backend: Backend, threads: Int = 1) {
        self.classes = classes
        self.backend = backend
        columns = square.columns
        switch square {
        case .whole(let panels):
            // Pivots are sums of the back end's products, so below its precision they are rounding.
            inverse = .factor(
                CholeskyFactor(
                    of: panels, times: 0.5, plus: penalty, least: max(1e-7, 4 * Double(Backend.Scalar.ulpOfOne)),
                    on: backend, threads: threads))
        case .diagonal(let values):
            inverse = .diagonal(values.map { 1 / max(0.5 * $0 + penalty, .leastNormalMagnitude) })
        }
    }

    /// The inverse times a vector of the parameters: weights [K, D], then biases [K].
    func inverse(times vector: [Double]) -> [Double] {
        var result = vector
        switch inverse {
        case .diagonal(let factors):
            for label in 0..<classes {
                for j in 0..<columns { result[label * columns + j] *= factors[j] }
            }
        case .factor(let factor):
            // Classes side by side, [D, K], so that every product is one for all of them.
            var turned = [Backend.Scalar](repeating: 0, count: classes * columns)
            for label in 0..<classes {
                for j in 0..<columns { turned[j * classes + label] = Backend.Scalar(vector[label * columns + j]) }
            }
            let x = backend.zeros(Shape(columns, classes))
            backend.store(turned, in: x)
            factor.solve(x)
            turned = backend.values(of: x)
            for label in 0..<classes {
                for j in 0..<columns { result[label * columns + j] = Double(turned[j * classes + label]) }
            }
        }
        for label in 0..<classes { result[classes * columns + label] *= 2 }
        return result
    }
}
