import Dispatch
import Kernels
import TensorCore

/// Where the lower triangle of a matrix [D, D] lies in panels of columns.
///
/// Panel j holds rows j·b ..< D of columns j·b ..< min((j + 1)·b, D), row-major, so that its rows from any one on lie
/// together: all of a factorisation's products are of matrices that do. Above the diagonal a panel's first rows hold
/// whatever they hold; nothing reads it.
struct TriangleLayout: Sendable {
    /// b: products of this depth are as fast as large ones, and what is not a product, b²·D operations, is little.
    static let width = 128
    /// Rows of a matrix that are transposed at once for their products.
    static let chunk = 512

    /// D.
    let order: Int

    var count: Int { (order + Self.width - 1) / Self.width }

    func columns(_ panel: Int) -> Range<Int> { panel * Self.width..<min((panel + 1) * Self.width, order) }

    func shape(_ panel: Int) -> Shape { Shape(order - panel * Self.width, columns(panel).count) }

    /// Numbers in all panels.
    static func elements(order: Int) -> Int {
        let layout = TriangleLayout(order: order)
        return (0..<layout.count).reduce(0) { $0 + layout.shape($1).count }
    }

    /// Numbers that are kept beside the panels: rows to be multiplied, or a panel and inverses of blocks.
    static func scratchElements(order: Int) -> Int { chunk * order }
}

/// The lower triangle of a symmetric matrix, or a triangular matrix, in panels of columns.
struct TrianglePanels<Backend: KernelBackend>: Sendable {
    let layout: TriangleLayout
    let panels: [Tensor<Backend>]

    /// D.
    var order: Int { layout.order }

    func columns(_ panel: Int) -> Range<Int> { layout.columns(panel) }

    /// Rows of a panel, counted from the matrix's first.
    func rows(_ range: Range<Int>, ofPanel panel: Int) -> Tensor<Backend> {
        let start = columns(panel).lowerBound
        return panels[panel].slice(range.lowerBound - start..<range.upperBound - start)
    }

    /// Zeros.
    init(order: Int, on backend: Backend) {
        let layout = TriangleLayout(order: order)
        self.layout = layout
        panels = (0..<layout.count).map { backend.zeros(layout.shape($0)) }
    }

    /// Xᵀ·X · scale.
    ///
    /// - Parameters:
    ///   - x: [n, D].
    ///   - threads: Panels are computed at once; no result depends on it.
    init(squareOf x: Tensor<Backend>, scale: Double, on backend: Backend, threads: Int) {
        self.init(order: x.shape[1], on: backend)
        let (rows, order) = (x.shape[0], order)
        let transposed = backend.zeros(Shape(order, min(TriangleLayout.chunk, rows)))
        for start in stride(from: 0, to: rows, by: TriangleLayout.chunk) {
            let part = start..<min(start + TriangleLayout.chunk, rows)
            let xt = transposed.window(at: 0, Shape(order, part.count))
            backend.transpose(x.slice(part), to: xt)
            forEachPanel(from: 0, threads: threads) { panel in
                let columns = columns(panel)
                backend.multiply(
                    xt.slice(columns.lowerBound..<order), transposed: false, xt.slice(columns), transposed: true,
                    alpha: Backend.Scalar(scale), beta: start == 0 ? 0 : 1, to: panels[panel])
            }
        }
    }

    /// Calls `body` with the numbers of the panels from one on, several at once.
    func forEachPanel(from first: Int, threads: Int, _ body: (Int) -> Void) {
        let count = panels.count - first
        guard count > 0 else { return }
        let workers = max(1, min(threads, count))
        guard workers > 1 else {
            for panel in first..<panels.count { body(panel) }
            return
        }
        // Ends when all have; each panel is one worker's.
        withoutActuallyEscaping(body) { body in
            let call = PanelCall(body)
            DispatchQueue.concurrentPerform(iterations: workers) { worker in
                for panel in stride(from: first + worker, to: first + count, by: workers) { call.body(panel) }
            }
        }
    }
}

/// A closure that several threads call; whoever makes it sees to it that they do not write the same memory.
private final class PanelCall: @unchecked Sendable {
    let body: (Int) -> Void
    init(_ body: @escaping (Int) -> Void) { self.body = body }
}

/// The Cholesky factor of a symmetric positive definite matrix, and what solves with it.
struct CholeskyFactor<Backend: KernelBackend>: Sendable {
    /// L below its diagonal blocks.
    private let lower: TrianglePanels<Backend>
    /// The inverses of its diagonal blocks, [b, b] each, zero above the diagonal.
    private let inverses: [Tensor<Backend>]
    private let backend: Backend

    /// Of factor · A + shift · I.
    ///
    /// Blocks on the diagonal are factored in Double, all else is products of the back end.
    /// - Parameters:
    ///   - least: What pivots are at least, as a share of the largest entry on the diagonal; a smaller one is the rounding
    ///     of a matrix that is only semidefinite.
    ///   - threads: Panels are computed at once; no result depends on it.
    init(
        of matrix: TrianglePanels<Backend>, times factor: Double, plus shift: Double, least: Double,
        on backend: Backend, threads: Int
    ) {
        self.backend = backend
        let order = matrix.order
        let lower = TrianglePanels<Backend>(order: order, on: backend)
        var largest = 0.0
        for panel in matrix.panels.indices {
            backend.add(matrix.panels[panel], times: Backend.Scalar(factor), to: lower.panels[panel])
            let side = matrix.columns(panel).count
            let block = backend.values(of: matrix.rows(matrix.columns(panel), ofPanel: panel))
            for j in 0..<side { largest = max(largest, factor * Double(block[j * side + j]) + shift) }
        }
        var inverses: [Tensor<Backend>] = []
        for panel in lower.panels.indices {
            let columns = lower.columns(panel)
            let side = columns.count
            let block = lower.rows(columns, ofPanel: panel)
            var values = backend.values(of: block).map { Double($0) }
            for j in 0..<side { values[j * side + j] += shift }
            Self.factor(&values, side, least: least * largest)
            let inverse = backend.zeros(Shape(side, side))
            backend.store(Self.inverse(values, side).map { Backend.Scalar($0) }, in: inverse)
            inverses.append(inverse)
            guard columns.upperBound < order else { break }
            let below = lower.rows(columns.upperBound..<order, ofPanel: panel)
            let solved = backend.zeros(below.shape)
            backend.multiply(below, transposed: false, inverse, transposed: true, alpha: 1, beta: 0, to: solved)
            backend.copy(solved, to: below)
            lower.forEachPanel(from: panel + 1, threads: threads) { other in
                let columns = lower.columns(other)
                backend.multiply(
                    lower.rows(columns.lowerBound..<order, ofPanel: panel), transposed: false,
                    lower.rows(columns, ofPanel: panel), transposed: true, alpha: -1, beta: 1,
                    to: lower.panels[other])
            }
        }
        self.lower = lower
        self.inverses = inverses
    }

    /// Replaces the lower triangle of a matrix [n, n] by its factor.
    private static func factor(_ matrix: inout [Double], _ count: Int, least: Double) {
        matrix.withUnsafeMutableBufferPointer { l in
            for row in 0..<count {
                for column in 0...row {
                    var sum = l[row * count + column]
                    for k in 0..<column { sum -= l[row * count + k] * l[column * count + k] }
                    l[row * count + column] =
                        row == column ? max(sum, least).squareRoot() : sum / l[column * count + column]
                }
            }
        }
    }

    /// L⁻¹ [n, n] of a lower triangle; zero above the diagonal.
    private static func inverse(_ lower: [Double], _ count: Int) -> [Double] {
        var result = [Double](repeating: 0, count: lower.count)
        result.withUnsafeMutableBufferPointer { x in
            lower.withUnsafeBufferPointer { l in
                for row in 0..<count {
                    let pivot = 1 / l[row * count + row]
                    for k in 0..<row {
                        let value = -l[row * count + k] * pivot
                        for column in 0...k { x[row * count + column] += value * x[k * count + column] }
                    }
                    x[row * count + row] = pivot
                }
            }
        }
        return result
    }

    /// x = A⁻¹ · x for every column of x, [D, K].
    func solve(_ x: Tensor<Backend>) {
        let (order, count) = (lower.order, x.shape[1])
        let scratch = backend.zeros(Shape(min(TriangleLayout.width, order), count))
        for panel in lower.panels.indices {
            let columns = lower.columns(panel)
            let own = x.slice(columns)
            multiply(inverses[panel], transposed: false, own, scratch)
            guard columns.upperBound < order else { break }
            backend.multiply(
                lower.rows(columns.upperBound..<order, ofPanel: panel), transposed: false, own, transposed: false,
                alpha: -1, beta: 1, to: x.slice(columns.upperBound..<order))
        }
        for panel in lower.panels.indices.reversed() {
            let columns = lower.columns(panel)
            let own = x.slice(columns)
            if columns.upperBound < order {
                backend.multiply(
                    lower.rows(columns.upperBound..<order, ofPanel: panel), transposed: true,
                    x.slice(columns.upperBound..<order), transposed: false, alpha: -1, beta: 1, to: own)
            }
            multiply(inverses[panel], transposed: true, own, scratch)
        }
    }

    /// x = op(block) · x.
    private func multiply(
        _ block: Tensor<Backend>, transposed: Bool, _ x: Tensor<Backend>, _ scratch: Tensor<Backend>
    ) {
        let result = scratch.window(at: 0, x.shape)
        backend.multiply(block, transposed: transposed, x, transposed: false, alpha: 1, beta: 0, to: result)
        backend.copy(result, to: x)
    }
}
