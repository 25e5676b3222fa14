import CPUKernels
import Kernels
import TestSupport
import Testing
import Training

/// Whole training steps against two independent implementations.
@Suite struct GoldenStepTests {
    /// By PyTorch and by JAX, of different sizes (Tests/Golden/README.md).
    static let files = ["tiny.safetensors", "grey.safetensors"]

    @Test("the reference back end in Double agrees with the golden steps", arguments: files, [1, 3])
    func referenceAgrees(file: String, shards: Int) throws {
        try expectAgreement(file, on: ReferenceBackend<Double>(), shards: shards)
    }

    @Test("the CPU back end agrees with the golden steps", arguments: files, [1, 2, 4])
    func processorAgrees(file: String, shards: Int) throws {
        try expectAgreement(file, on: CPUBackend(), shards: shards)
    }

    @Test("the CPU back end on bfloat16 agrees with the golden steps", arguments: files, CPUBackend.forEachBF16Kind())
    func narrowProcessorAgrees(file: String, backend: CPUBackend) throws {
        try expectAgreement(file, on: backend, shards: 2, .bf16)
    }

    private func expectAgreement(
        _ file: String, on backend: some KernelBackend, shards: Int, _ tolerances: GoldenTolerances = .float32
    ) throws {
        let check = try GoldenCheck(
            path: Golden.path(file), on: backend, shards: shards, threads: 2, tolerances: tolerances)
        for result in try check.run() {
            #expect(result.passes, "\(file): \(result.tensor): \(result.relativeError ?? .nan)")
        }
    }
}
