import CKernels
package import Kernels
package import TensorCore

/// How precisely the networks' linear maps and attention are computed.
package enum CPUPrecision: Sendable, Hashable {
    /// float32 throughout.
    case float32
    /// Operands of linear maps and attention are bfloat16; weights have float32 masters, and sums, statistics, losses and
    /// the optimiser are float32.
    case bf16
}

/// float32 on one processor core: OpenBLAS for large matrix products, the vectorised loops of `CKernels` for small ones
/// and for the rest. With `CPUPrecision.bf16`, what has packed weights runs on bfloat16 instead.
///
/// Every operation runs on the calling thread and may run on several at once; OpenBLAS is told not to start threads of
/// its own. For given shapes, instruction set and OpenBLAS core type the result does not depend on the number of threads.
package final class CPUBackend: KernelBackend {
    package typealias Scalar = Float
    package typealias Buffer = HostBuffer<Float>
    package typealias IndexBuffer = HostBuffer<Int32>

    /// The loops for this processor: C function pointers that never change, and so may be called from any thread.
    let kernels: KernelTable
    /// The loops for bfloat16; nil for float32.
    let narrowKernels: CBF16Table?
    /// Memory for linear maps on bfloat16.
    let narrowScratch = BF16Scratch()

    /// The back end for the widest instruction set of this processor, or a narrower one that the environment variable
    /// CJEPA_INSTRUCTION_SET (portable, avx2, avx512, avx512_bf16, amx) asks for.
    package convenience init(precision: CPUPrecision = .float32) {
        self.init(ckernels().pointee, precision == .bf16 ? ckernels_bf16().pointee : nil)
    }

    private init(_ kernels: KernelTable, _ narrowKernels: CBF16Table? = nil) {
        OpenBLASRuntime.useCallingThreadOnly()
        self.kernels = kernels
        self.narrowKernels = narrowKernels
    }

    /// One back end for each instruction set that this processor has, for tests.
    package static func forEachInstructionSet() -> [CPUBackend] {
        let sets: [CKernelsInstructionSet] = [.portable, .AVX2, .AVX512]
        return sets.compactMap { ckernels_for($0) }.map { CPUBackend($0.pointee) }
    }

    /// One back end on bfloat16 for each way of multiplying that runs here, emulated ones included, for tests.
    package static func forEachBF16Kind() -> [CPUBackend] {
        let kinds: [CBF16Kind] = [.portable, .AVX2, .AVX512, .AVX512BF16, .AMX, .amxEmulated]
        return kinds.compactMap { ckernels_bf16_for($0) }.map { CPUBackend(ckernels().pointee, $0.pointee) }
    }

    /// Whether bfloat16 is faster than float32 here: the processor multiplies it, and is allowed to.
    package static var multipliesBF16: Bool {
        switch ckernels_bf16().pointee.kind {
        case .AMX, .AVX512BF16: true
        case .portable, .AVX2, .AVX512, .amxEmulated: false
        }
    }

    /// "OpenBLAS 0.3.21 SkylakeX, AVX-512 kernels", after "bf16 AVX512-BF16, " where that is the precision.
    package var summary: String {
        let narrow = narrowKernels.map { "bf16 \($0.kind.name), " } ?? ""
        return "\(narrow)\(OpenBLASRuntime.version()) \(OpenBLASRuntime.coreName()), "
            + "\(kernels.instruction_set.name) kernels"
    }
}

extension CBF16Kind {
    fileprivate var name: String {
        switch self {
        case .portable: "portable"
        case .AVX2: "AVX2"
        case .AVX512: "AVX-512"
        case .AVX512BF16: "AVX512-BF16"
        case .AMX: "AMX"
        case .amxEmulated: "AMX (emulated)"
        }
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
