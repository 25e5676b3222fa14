package import TensorCore

extension KernelBackend {
    /// A tensor with memory of its own, zeroed.
    package func makeTensor(_ shape: Shape) -> Tensor<Self> {
        Tensor(buffer: makeBuffer(count: shape.count), shape: shape)
    }

    /// A new tensor that holds the given numbers.
    package func constant(_ values: [Double], _ shape: Shape) -> Tensor<Self> {
        let tensor = makeTensor(shape)
        store(values.map { Scalar($0) }, in: tensor)
        return tensor
    }

    /// New indices on the device.
    package func constant(_ indices: [Int32], _ shape: Shape) -> IndexTensor<Self> {
        let tensor = IndexTensor<Self>(buffer: makeIndexBuffer(count: shape.count), shape: shape)
        upload(HostBuffer(indices), at: 0, to: tensor)
        return tensor
    }
}
