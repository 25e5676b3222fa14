import CKernels
package import Kernels
package import TensorCore

/// float32 on one processor core: OpenBLAS for large matrix products, the vectorised loops of `CKernels` for small ones
/// and for the rest.
///
/// Every operation runs on the calling thread and may run on several at once; OpenBLAS is told not to start threads of
/// its own. For given shapes, instruction set and OpenBLAS core type the result does not depend on the number of threads.
package final class CPUBackend: KernelBackend {
    package typealias Scalar = Float
    package typealias Buffer = HostBuffer<Float>
    package typealias IndexBuffer = HostBuffer<Int32>

    /// The loops for this processor: C function pointers that never change, and so may be called from any thread.
    let kernels: KernelTable

    /// The back end for the widest instruction set of this processor, or a narrower one that the environment variable
    /// CJEPA_INSTRUCTION_SET (portable, avx2, avx512) asks for.
    package convenience init() {
        self.init(ckernels().pointee)
    }

    private init(_ kernels: KernelTable) {
        OpenBLASRuntime.useCallingThreadOnly()
        self.kernels = kernels
    }

    /// One back end for each instruction set that this processor has, for tests.
    package static func forEachInstructionSet() -> [CPUBackend] {
        let sets: [CKernelsInstructionSet] = [.portable, .AVX2, .AVX512]
        return sets.compactMap { ckernels_for($0) }.map { CPUBackend($0.pointee) }
    }

    /// "OpenBLAS 0.3.21 SkylakeX, AVX-512 kernels".
    package var summary: String {
        "\(OpenBLASRuntime.version()) \(OpenBLASRuntime.coreName()), \(kernels.instruction_set.name) kernels"
    }
}

extension CKernelsInstructionSet {
    fileprivate var name: String {
        switch self {
        case .portable: "portable"
        case .AVX2: "AVX2"
        case .AVX512: "AVX-512"
        }
    }
}

extension CPUBackend {
    package func makeBuffer(count: Int) -> HostBuffer<Float> { HostBuffer(count: count) }

    package func makeIndexBuffer(count: Int) -> HostBuffer<Int32> { HostBuffer(count: count) }

    package func upload(_ source: HostBuffer<Float>, at start: Int, to destination: Tensor<CPUBackend>) {
        reference.upload(source, at: start, to: destination.onReference)
    }

    package func upload(_ source: HostBuffer<Int32>, at start: Int, to destination: IndexTensor<CPUBackend>) {
        reference.upload(source, at: start, to: destination.onReference)
    }

    package func borrow(_ source: HostBuffer<Float>, at start: Int, _ shape: Shape) -> Tensor<CPUBackend>? {
        precondition(start >= 0 && start + shape.count <= source.count, "\(shape) at \(start) leaves \(source.count)")
        return Tensor(buffer: source, offset: start, shape: shape)
    }

    package func store(_ values: [Float], in destination: Tensor<CPUBackend>) {
        reference.store(values, in: destination.onReference)
    }

    package func values(of source: Tensor<CPUBackend>) -> [Float] {
        reference.values(of: source.onReference)
    }
}

// Operations that only move numbers gain nothing from vector instructions of our own; they are the reference's.

extension CPUBackend {
    var reference: ReferenceBackend<Float> { ReferenceBackend() }
}

extension Tensor where Backend == CPUBackend {
    /// The same window on the same memory, for the reference back end.
    var onReference: Tensor<ReferenceBackend<Float>> {
        Tensor<ReferenceBackend<Float>>(buffer: buffer, offset: offset, shape: shape)
    }
}

extension IndexTensor where Backend == CPUBackend {
    /// The same window on the same memory, for the reference back end.
    var onReference: IndexTensor<ReferenceBackend<Float>> {
        IndexTensor<ReferenceBackend<Float>>(buffer: buffer, offset: offset, shape: shape)
    }
}
