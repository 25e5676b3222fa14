import Kernels
import TensorCore

extension KernelBackend {
    /// A new tensor holding the given numbers.
    func tensor(_ values: [Float], _ shape: Shape) -> Tensor<Self> {
        precondition(values.count == shape.count, "\(values.count) values for a tensor \(shape)")
        let tensor = Tensor<Self>(buffer: makeBuffer(count: values.count), shape: shape)
        if !values.isEmpty { upload(HostBuffer(values), at: 0, to: tensor) }
        return tensor
    }

    /// A new tensor of zeros.
    func zeros(_ shape: Shape) -> Tensor<Self> {
        Tensor(buffer: makeBuffer(count: shape.count), shape: shape)
    }

    /// The elements as Float, without a conversion of each where the back end computes in Float.
    func floats(of source: Tensor<Self>) -> [Float] {
        let scalars = values(of: source)
        if let floats = scalars as Any as? [Float] { return floats }
        return scalars.map { Float($0) }
    }
}
