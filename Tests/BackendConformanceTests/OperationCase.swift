import Kernels
import Testing

/// One operation on operands of certain shapes, told once for all back ends.
protocol OperationCase: Sendable, CustomTestStringConvertible {
    var operation: Operation { get }
    /// Makes operands on the bench, always in the same order, and runs the operation on them.
    func run<Backend: KernelBackend>(on bench: Bench<Backend>)
}

extension OperationCase {
    var testDescription: String { String(describing: self) }
}

/// The operations of `KernelBackend`, and how far a back end in Float may be from the reference in Double.
enum Operation: String, CaseIterable {
    case upload, fill, copy, add, scale, sumOfSquares, relu, reluBackward
    case multiply, linear, linearGELU, linearBackwardInput, linearBackwardWeight, geluBackward
    case packedLinear, packedLinearBackwardInput, packedLinearBackwardWeight
    case layerNorm, layerNormBackward, attention, attentionBackward
    case blockForward, blockBackward, splitAttention, splitAttentionBackward, joinTokens, joinTokensBackward
    case patches, embedPatches, embedPatchesBackward, addRows
    case gatherBlocks, gatherBlocksBackward, appendMaskTokens, appendMaskTokensBackward
    case lastTokens, lastTokensBackward, meanTokens, meanTokensBackward
    case elementwiseLoss, columnMoments, normalizeColumns, addColumns, batchNorm, batchNormBackward
    case softmaxCrossEntropy, adamW, exponentialMovingAverage
    case apply, combine, sum, maximum, transpose, diagonal, diagonalMatrix, number, fillNormal

    /// Relative to the largest number of the output; a small multiple of what was measured on the reference in Float
    /// and on vectorised loops. The unit is the rounding of Float, u = 6e-8.
    var tolerance: Double {
        switch self {
        // Numbers are moved or chosen, not computed.
        case .upload, .fill, .copy, .relu, .reluBackward, .patches, .gatherBlocks, .lastTokens, .lastTokensBackward,
            .joinTokens, .maximum, .transpose, .diagonal, .diagonalMatrix, .number:
            0
        // One or two roundings of each element; up to 8e-8 measured.
        case .add, .scale, .addRows, .appendMaskTokens, .normalizeColumns, .addColumns, .exponentialMovingAverage,
            .meanTokensBackward, .combine, .sum, .fillNormal:
            2e-7
        // Less than two units in the last place, 1.2e-7 each.
        case .apply: 2.4e-7
        // Summed in Double over inputs that are exact, so that only the order differs.
        case .sumOfSquares: 1e-13
        // At most some dozens of additions in Float; up to 3e-7 measured.
        case .gatherBlocksBackward, .meanTokens, .appendMaskTokensBackward, .joinTokensBackward: 1e-6
        // Sums of up to a few hundred products: errors grow like √k · u, and so does the result; up to 8e-7 measured.
        case .multiply, .linear, .linearGELU, .linearBackwardInput, .linearBackwardWeight, .packedLinear,
            .packedLinearBackwardInput, .packedLinearBackwardWeight, .embedPatches, .embedPatchesBackward:
            2e-6
        // The error function of a back end may be an approximation to a few u; up to 2e-7 measured.
        case .geluBackward: 1e-6
        // Statistics in Float, then a difference of numbers of like size; up to 4e-7 measured.
        case .layerNorm, .layerNormBackward, .batchNorm, .batchNormBackward, .columnMoments: 2e-6
        // A product, an exponential whose argument carries the product's error, and a second product; up to 6e-7.
        case .attention, .attentionBackward, .splitAttention, .splitAttentionBackward: 2e-6
        // A dozen of the operations above in a row.
        case .blockForward, .blockBackward: 5e-6
        // The sum is in Double over terms in Float; up to 1e-7 measured.
        case .elementwiseLoss, .softmaxCrossEntropy: 5e-7
        // Moments, a square root and a division; up to 2e-7 measured.
        case .adamW: 1e-6
        }
    }

    /// The same on bfloat16, whose rounding is 2⁻⁸ = 0.004: only operations on packed weights use it.
    var bf16Tolerance: Double {
        switch self {
        // Sums of products of two rounded numbers; up to 0.009 measured, where a bias cancels a single product.
        case .packedLinear, .packedLinearBackwardInput, .packedLinearBackwardWeight, .embedPatches,
            .embedPatchesBackward:
            0.02
        // Half a dozen roundings in a row; up to 0.003 and 0.012 measured.
        case .blockForward: 0.01
        case .blockBackward: 0.04
        default: tolerance
        }
    }
}
