package import Kernels
import TensorCore

/// How fast this machine multiplies matrices with a back end: what a training step is measured against.
///
/// The product is a linear map, with a packed weight where the back end keeps one, as in networks.
package struct ProductRate<Backend: KernelBackend>: Sendable {
    /// Rows, columns and inner length of the product: large enough that packing and starting cost little.
    package static var side: Int { 1024 }

    private let backend: Backend
    private let team: ThreadTeam
    private let weight: Weight<Backend>
    /// Rows and product of each thread.
    private let rows: [(input: Tensor<Backend>, output: Tensor<Backend>)]

    package init(on backend: Backend, threads: Int) {
        self.backend = backend
        team = ThreadTeam(threads: threads)
        let shape = Shape(Self.side, Self.side)
        let values = (0..<shape.count).map { Backend.Scalar(Double($0 % 17) / 17 - 0.5) }
        func filled(_ shape: Shape) -> Tensor<Backend> {
            let tensor = backend.makeTensor(shape)
            backend.store(values, in: tensor)
            return tensor
        }
        let flat = filled(Shape(shape.count))
        let slot = ParameterSlot(offset: 0, shape: shape)
        let packed = backend.makePackedWeights(of: [PackableMatrix(slot: slot, needsInputGradient: false)], in: flat)
        if let packed { backend.refresh(packed, from: flat, range: 0..<flat.count) }
        weight = Parameters(flat, packed: packed).weight(slot)
        rows = (0..<threads).map { _ in (filled(shape), backend.makeTensor(shape)) }
    }

    /// FLOP per second of all threads together, each multiplying matrices of its own until `seconds` are over.
    package func measure(seconds: Double) -> Double {
        let rates = HostBuffer<Double>(count: team.threads)
        let clock = ContinuousClock()
        team.forEach(team.threads) { thread in
            let (input, output) = rows[thread]
            let start = clock.now
            var (products, elapsed) = (0, 0.0)
            while elapsed < seconds {
                backend.linear(input, weight: weight, bias: nil, to: output)
                products += 1
                elapsed = (clock.now - start) / .seconds(1)
            }
            let side = Double(Self.side)
            rates[thread] = 2 * side * side * side * Double(products) / elapsed
        }
        return (0..<team.threads).reduce(0) { $0 + rates[$1] }
    }
}
