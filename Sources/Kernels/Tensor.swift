package import TensorCore

/// A contiguous row-major window on a back end's buffer.
package struct Tensor<Backend: KernelBackend>: Sendable {
    package let buffer: Backend.Buffer
    package let offset: Int
    package let shape: Shape

    package init(buffer: Backend.Buffer, offset: Int = 0, shape: Shape) {
        self.buffer = buffer
        self.offset = offset
        self.shape = shape
    }

    package var count: Int { shape.count }

    /// The same elements under another shape.
    package func reshaped(_ newShape: Shape) -> Tensor {
        precondition(newShape.count == shape.count, "cannot view \(shape) as \(newShape)")
        return Tensor(buffer: buffer, offset: offset, shape: newShape)
    }

    /// A window of `newShape.count` elements that begins `start` elements into this one.
    package func window(at start: Int, _ newShape: Shape) -> Tensor {
        precondition(
            start >= 0 && start + newShape.count <= shape.count, "window \(newShape) at \(start) leaves \(shape)")
        return Tensor(buffer: buffer, offset: offset + start, shape: newShape)
    }

    /// The entries `range` along the first axis.
    package func slice(_ range: Range<Int>) -> Tensor {
        let stride = shape.count / max(shape[0], 1)
        var dimensions = shape.dimensions
        dimensions[0] = range.count
        return window(at: range.lowerBound * stride, Shape(dimensions))
    }
}

/// A contiguous row-major window on a back end's buffer of 32-bit indices.
package struct IndexTensor<Backend: KernelBackend>: Sendable {
    package let buffer: Backend.IndexBuffer
    package let offset: Int
    package let shape: Shape

    package init(buffer: Backend.IndexBuffer, offset: Int = 0, shape: Shape) {
        self.buffer = buffer
        self.offset = offset
        self.shape = shape
    }

    package var count: Int { shape.count }

    package func window(at start: Int, _ newShape: Shape) -> IndexTensor {
        precondition(
            start >= 0 && start + newShape.count <= shape.count, "window \(newShape) at \(start) leaves \(shape)")
        return IndexTensor(buffer: buffer, offset: offset + start, shape: newShape)
    }
}

extension Tensor where Backend.Buffer == HostBuffer<Backend.Scalar> {
    /// The first element, on back ends whose buffers are host memory; valid while the tensor's buffer is held.
    package var hostPointer: UnsafeMutablePointer<Backend.Scalar> {
        precondition(
            offset >= 0 && offset + count <= buffer.count,
            "tensor \(shape) at \(offset) leaves its buffer of \(buffer.count)")
        return buffer.pointer + offset
    }
}

extension IndexTensor where Backend.IndexBuffer == HostBuffer<Int32> {
    /// The first index, on back ends whose buffers are host memory; valid while the tensor's buffer is held.
    package var hostPointer: UnsafeMutablePointer<Int32> {
        precondition(
            offset >= 0 && offset + count <= buffer.count,
            "indices \(shape) at \(offset) leave their buffer of \(buffer.count)")
        return buffer.pointer + offset
    }

    /// Traps unless every index is in 0..<bound.
    package func checkRange(below bound: Int, _ operation: StaticString) {
        let indices = hostPointer
        for i in 0..<count {
            precondition(
                indices[i] >= 0 && Int(indices[i]) < bound,
                "\(operation): index \(indices[i]) at place \(i) of \(shape) is not in 0..<\(bound)")
        }
    }
}
