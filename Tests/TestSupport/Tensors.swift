package import Kernels
import TensorCore

extension KernelBackend {
    /// A tensor of its own memory with the given numbers in row-major order.
    package func tensor(_ values: [Double], _ extents: Int...) -> Tensor<Self> {
        let tensor = Tensor<Self>(buffer: makeBuffer(count: values.count), shape: Shape(extents))
        store(scalars(values), in: tensor)
        return tensor
    }

    /// A tensor of its own memory filled with one number.
    package func tensor(filledWith value: Double, _ extents: Int...) -> Tensor<Self> {
        let shape = Shape(extents)
        let tensor = Tensor<Self>(buffer: makeBuffer(count: shape.count), shape: shape)
        fill(tensor, with: Scalar(value))
        return tensor
    }

    /// Indices of their own memory, in row-major order.
    package func indices(_ values: [Int], _ extents: Int...) -> IndexTensor<Self> {
        let tensor = IndexTensor<Self>(buffer: makeIndexBuffer(count: values.count), shape: Shape(extents))
        upload(HostBuffer(values.map { Int32($0) }), at: 0, to: tensor)
        return tensor
    }

    /// The elements of a tensor as Double.
    package func doubles(_ tensor: Tensor<Self>) -> [Double] { TestSupport.doubles(values(of: tensor)) }
}

/// Numbers in the precision of a back end. Specialised: generic conversions take a hundred times as long.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
package func scalars<Scalar: BinaryFloatingPoint>(_ values: [Double]) -> [Scalar] { values.map { Scalar($0) } }

/// Numbers of a back end as Double.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
package func doubles<Scalar: BinaryFloatingPoint>(_ values: [Scalar]) -> [Double] { values.map { Double($0) } }

/// Standard normal numbers, the same for the same count and sample.
package func normals(_ count: Int, sample: Int, scale: Double = 1) -> [Double] {
    var random = RandomStream(seed: 20_241, purpose: .tests, sample: sample)
    return (0..<count).map { _ in scale * random.normal() }
}

/// Σ aᵢ bᵢ; NaN where the counts differ.
package func inner(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } : .nan
}
