import Kernels

/// Operations that must not hide a NaN: a run ends at the first loss that is not finite.
let nanCases: [any OperationCase] = nanBases.map { NaNCase(base: $0) }

private let nanBases: [any OperationCase] = [
    AddCase(count: 19), SumOfSquaresCase(count: 19), ReLUCase(count: 19),
    LinearCase(rows: 5, inputs: 7, outputs: 9, bias: true),
    LinearCase(rows: 33, inputs: 48, outputs: 65, bias: true),
    LinearGELUCase(rows: 5, inputs: 19, outputs: 9, scale: 1),
    GELUBackwardCase(count: 19, scale: 1, inPlace: false),
    LayerNormCase(rows: 3, width: 19, affine: true, shift: 0, scale: 1),
    AttentionCase(images: 1, tokens: 5, heads: 3, headWidth: 4, sharp: false),
    AttentionCase(images: 2, tokens: 33, heads: 1, headWidth: 16, sharp: false),
    MeanTokensCase(images: 2, tokens: 3, width: 17),
    EmbedPatchesCase(
        PatchesCase(images: 2, channels: 1, gridRows: 3, gridColumns: 2, patch: 4, kept: nil), width: 19),
    ColumnMomentsCase(rows: 5, columns: 19, correction: 1, shift: 0),
    BatchNormCase(rows: 5, columns: 19, affine: true),
    CrossEntropyCase(rows: 3, classes: 10, large: false, inPlace: false),
    ElementwiseLossCase(loss: .smoothL1, rows: 3, columns: 7), ElementwiseLossCase(loss: .l1, rows: 3, columns: 7),
    ElementwiseLossCase(loss: .l2, rows: 3, columns: 7), AdamWCase(count: 19, t: 3, coarse: false),
    MovingAverageCase(count: 19, momentum: 0.9),
]

/// A case whose first input holds a NaN in its middle, which must come out exactly where the reference has it.
struct NaNCase: OperationCase {
    let base: any OperationCase
    var operation: Operation { base.operation }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.putNaNIntoNextInput()
        base.run(on: bench)
    }
}
