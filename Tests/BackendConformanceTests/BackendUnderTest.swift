import CPUKernels
import Kernels
import Testing

/// A back end behind one closure, so that back ends of different types make one list.
struct BackendUnderTest: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Runs a case with operands so many elements off alignment, and tells what is wrong.
    let faults: @Sendable (_ operationCase: any OperationCase, _ offsets: [Int]) -> [String]
    /// The outputs of a case, one after another.
    let outputs: @Sendable (_ operationCase: any OperationCase, _ offset: Int) -> [Double]

    init<Backend: KernelBackend>(
        _ backend: Backend, tolerance: @escaping @Sendable (Operation) -> Double = { $0.tolerance }
    ) {
        testDescription = backend.summary
        faults = { conformanceFaults(of: backend, in: $0, offsets: $1, tolerance: tolerance) }
        outputs = { operationCase, offset in
            let bench = Bench(backend, offset: offset)
            operationCase.run(on: bench)
            return bench.results().outputs.flatMap(\.values)
        }
    }

    /// Every back end of the package in Float; a new one is one line here.
    static let all =
        [BackendUnderTest(ReferenceBackend<Float>())] + CPUBackend.forEachInstructionSet().map { BackendUnderTest($0) }
        + CPUBackend.forEachBF16Kind().map { BackendUnderTest($0) { $0.bf16Tolerance } }
}

/// What differs between a back end and the reference in Double on one case.
private func conformanceFaults<Backend: KernelBackend>(
    of backend: Backend, in operationCase: any OperationCase, offsets: [Int],
    tolerance: (Operation) -> Double
) -> [String] {
    let reference = Bench(ReferenceBackend<Double>(), offset: 0)
    operationCase.run(on: reference)
    let expected = reference.results()
    var faults = expected.faults.map { "reference in Double: \($0)" }
    for offset in offsets {
        let bench = Bench(backend, offset: offset)
        operationCase.run(on: bench)
        let actual = bench.results()
        var found = actual.faults
        for (output, truth) in zip(actual.outputs, expected.outputs) {
            let fault = discrepancy(output.values, truth.values, tolerance: tolerance(operationCase.operation))
            if let fault { found.append("\(output.name) \(fault)") }
        }
        faults += found.map { "at offset \(offset): \($0)" }
    }
    return faults
}
