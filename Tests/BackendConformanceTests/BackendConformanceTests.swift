import Kernels
import TensorCore
import Testing

/// Every back end agrees with `ReferenceBackend<Double>` on every operation.
@Suite struct BackendConformanceTests {
    static let cases: [any OperationCase] =
        elementwiseCases + productCases + packedLinearCases + transformerCases + blockCases + tokenCases
        + statisticsCases + matrixCases
        + optimizationCases
        + nanCases

    /// Elements by which operands miss a multiple of 64 bytes.
    static let offsets = [0, 1, 7]

    @Test(arguments: BackendUnderTest.all, Operation.allCases)
    func agreesWithTheReference(backend: BackendUnderTest, operation: Operation) {
        for operationCase in Self.cases where operationCase.operation == operation {
            let faults = backend.faults(operationCase, Self.offsets)
            #expect(faults.isEmpty, "\(operationCase.testDescription)")
        }
    }

    @Test(arguments: Operation.allCases) func everyOperationHasCases(operation: Operation) {
        #expect(Self.cases.contains { $0.operation == operation })
    }

    @Test(arguments: BackendUnderTest.all) func threadsDoNotDisturbEachOther(backend: BackendUnderTest) async {
        let cases = stride(from: 0, to: Self.cases.count, by: 6).map { Self.cases[$0] }
        let alone = cases.map { backend.outputs($0, 0) }
        await withTaskGroup(of: Int?.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    // Each thread begins elsewhere, so that different operations meet.
                    for step in cases.indices {
                        let i = (step + thread * cases.count / 4) % cases.count
                        let together = backend.outputs(cases[i], 0)
                        if !zip(together, alone[i]).allSatisfy({ $0 == $1 || ($0.isNaN && $1.isNaN) }) { return i }
                    }
                    return nil
                }
            }
            for await disturbed in group {
                #expect(disturbed == nil, "case \(disturbed.map { cases[$0].testDescription } ?? "")")
            }
        }
    }

    @Test(arguments: BackendUnderTest.all) func sumOfSquaresDependsOnTheNumbersAloneNotOnTheirPlace(
        backend: BackendUnderTest
    ) {
        for count in [1, 15, 1_000, 4_099] {
            let sums = Self.offsets.map { backend.outputs(SumOfSquaresCase(count: count), $0) }
            #expect(sums.allSatisfy { $0 == sums[0] }, "\(count) numbers: \(sums)")
        }
    }
}

/// The comparison itself must not pass what it is there to catch.
@Suite struct ComparisonTests {
    @Test func nanInfinityAndErrorsAreCaught() {
        #expect(discrepancy([1, .nan], [1, 2], tolerance: 1) != nil)
        #expect(discrepancy([1, 2], [1, .nan], tolerance: 1) != nil)
        #expect(discrepancy([.infinity], [-.infinity], tolerance: 1) != nil)
        #expect(discrepancy([1e30], [.infinity], tolerance: 1) != nil)
        #expect(discrepancy([1, 2.1], [1, 2], tolerance: 0.01) != nil)
        #expect(discrepancy([1], [1, 2], tolerance: 1) != nil)
        #expect(discrepancy([1e-9], [0], tolerance: 1e-3) != nil, "nothing but zero is close to all zeros")
        #expect(discrepancy([.infinity, .nan, 2.001], [.infinity, .nan, 2], tolerance: 0.001) == nil)
    }

    @Test func strayWritesAndChangedInputsAreCaught() {
        for stray in StrayWrite.Place.allCases {
            let bench = Bench(ReferenceBackend<Float>(), offset: 3)
            StrayWrite(place: stray).run(on: bench)
            #expect(bench.results().faults.count == 1, "\(stray)")
        }
    }
}

/// An operation that does wrong on purpose.
private struct StrayWrite: OperationCase {
    enum Place: CaseIterable { case beforeOutput, afterOutput, input, afterInput }
    let place: Place
    var operation: Operation { .copy }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (x, y) = (bench.input(5), bench.output("y", 5))
        bench.backend.copy(x, to: y)
        let (victim, offset) =
            switch place {
            case .beforeOutput: (y, y.offset - 1)
            case .afterOutput: (y, y.offset + 5)
            case .input: (x, x.offset + 2)
            case .afterInput: (x, x.offset + 5)
            }
        bench.backend.fill(Tensor(buffer: victim.buffer, offset: offset, shape: Shape(1)), with: 77)
    }
}
