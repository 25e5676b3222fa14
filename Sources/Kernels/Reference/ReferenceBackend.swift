package import TensorCore

/// The definition of every operation of `KernelBackend`, in plain loops over host memory.
///
/// Written to be read and to be compared with: gradients are checked on `ReferenceBackend<Double>`, and every other
/// back end must agree with it. Products are summed in `Scalar`; means, variances and losses in Double. Each operation
/// stands next to its backward pass, in the file of its topic.
///
/// The loops are specialised for Float and Double, so that whole networks can run on it in tests.
package struct ReferenceBackend<Scalar: BinaryFloatingPoint & Sendable & BitwiseCopyable>: Sendable {
    package typealias Buffer = HostBuffer<Scalar>
    package typealias IndexBuffer = HostBuffer<Int32>

    package init() {}
}

extension ReferenceBackend: KernelBackend {
    package var summary: String { "reference \(Scalar.self)" }

    package func makeBuffer(count: Int) -> HostBuffer<Scalar> { HostBuffer(count: count) }

    package func makeIndexBuffer(count: Int) -> HostBuffer<Int32> { HostBuffer(count: count) }

    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func upload(_ source: HostBuffer<Float>, at start: Int, to destination: Tensor<Self>) {
        checkUpload(from: source.count, at: start, to: destination.shape)
        let (from, to) = (source.pointer + start, destination.hostPointer)
        for i in 0..<destination.count { to[i] = Scalar(from[i]) }
    }

    package func upload(_ source: HostBuffer<Int32>, at start: Int, to destination: IndexTensor<Self>) {
        checkUpload(from: source.count, at: start, to: destination.shape)
        destination.hostPointer.update(from: source.pointer + start, count: destination.count)
    }

    private func checkUpload(from count: Int, at start: Int, to shape: Shape) {
        precondition(
            start >= 0 && start + shape.count <= count, "upload of \(shape) at \(start) leaves a source of \(count)")
    }

    package func store(_ values: [Scalar], in destination: Tensor<Self>) {
        precondition(
            values.count == destination.count, "store: \(values.count) values do not fill \(destination.shape)")
        values.withUnsafeBufferPointer { source in
            if let first = source.baseAddress { destination.hostPointer.update(from: first, count: source.count) }
        }
    }

    package func values(of source: Tensor<Self>) -> [Scalar] {
        Array(UnsafeBufferPointer(start: source.hostPointer, count: source.count))
    }
}
