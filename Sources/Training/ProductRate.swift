package import Kernels
import TensorCore

/// How fast this machine multiplies matrices with a back end: what a training step is measured against.
package struct ProductRate<Backend: KernelBackend>: Sendable {
    /// Rows, columns and inner length of the product: large enough that packing and starting cost little.
    package static var side: Int { 1024 }

    private let backend: Backend
    private let team: ThreadTeam
    /// Operands and product of each thread.
    private let matrices: [[Tensor<Backend>]]

    package init(on backend: Backend, threads: Int) {
        self.backend = backend
        team = ThreadTeam(threads: threads)
        let shape = Shape(Self.side, Self.side)
        let values = (0..<shape.count).map { Backend.Scalar(Double($0 % 17) / 17 - 0.5) }
        matrices = (0..<threads).map { _ in
            let (a, b, c) = (backend.makeTensor(shape), backend.makeTensor(shape), backend.makeTensor(shape))
            backend.store(values, in: a)
            backend.store(values, in: b)
            backend.fill(c, with: 0)
            return [a, b, c]
        }
    }

    /// FLOP per second of all threads together, each multiplying matrices of its own until `seconds` are over.
    package func measure(seconds: Double) -> Double {
        let rates = HostBuffer<Double>(count: team.threads)
        let clock = ContinuousClock()
        team.forEach(team.threads) { thread in
            let operands = matrices[thread]
            let start = clock.now
            var (products, elapsed) = (0, 0.0)
            while elapsed < seconds {
                backend.multiply(
                    operands[0], transposed: false, operands[1], transposed: true, alpha: 1, beta: 0, to: operands[2])
                products += 1
                elapsed = (clock.now - start) / .seconds(1)
            }
            let side = Double(Self.side)
            rates[thread] = 2 * side * side * side * Double(products) / elapsed
        }
        return (0..<team.threads).reduce(0) { $0 + rates[$1] }
    }
}
