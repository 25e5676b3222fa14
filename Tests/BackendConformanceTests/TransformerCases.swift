import Kernels
import TensorCore

/// (rows, width).
private let layerNormSizes = [
    (1, 1), (1, 7), (3, 16), (5, 17), (4, 31), (9, 96), (2, 100), (50, 192), (3, 384), (2, 1_025),
]

/// (images, tokens, heads, head width).
private let attentionSizes = [
    (1, 1, 1, 1), (1, 2, 1, 3), (2, 3, 3, 5), (1, 17, 2, 16), (3, 5, 1, 33), (2, 49, 3, 32), (1, 61, 4, 12),
    (1, 130, 2, 64), (2, 16, 2, 8), (2, 30, 2, 16), (1, 41, 1, 24),
    (1, 260, 1, 20),
]

let transformerCases: [any OperationCase] =
    layerNormSizes.flatMap { rows, width in
        [true, false].flatMap { affine -> [any OperationCase] in
            [
                LayerNormCase(rows: rows, width: width, affine: affine, shift: 0, scale: 1),
                LayerNormBackwardCase(rows: rows, width: width, affine: affine),
            ]
        }
    }
    + [
        // A mean far larger than the spread loses digits unless the variance is taken around the mean.
        LayerNormCase(rows: 3, width: 96, affine: true, shift: 16, scale: 0.5),
        // A row without spread: the variance is 0 and ε alone is left.
        LayerNormCase(rows: 3, width: 40, affine: true, shift: 2, scale: 0),
    ]
    + attentionSizes.flatMap { images, tokens, heads, headWidth -> [any OperationCase] in
        [
            AttentionCase(images: images, tokens: tokens, heads: heads, headWidth: headWidth, sharp: false),
            AttentionBackwardCase(images: images, tokens: tokens, heads: heads, headWidth: headWidth),
        ]
    }
    + [
        AttentionCase(images: 2, tokens: 9, heads: 2, headWidth: 16, sharp: true),
        AttentionCase(images: 1, tokens: 40, heads: 1, headWidth: 64, sharp: true),
    ]

struct LayerNormCase: OperationCase {
    let rows: Int, width: Int, affine: Bool, shift: Double, scale: Double
    var operation: Operation { .layerNorm }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let x = bench.input(rows, 1, width, scale: scale, shift: shift)
        let (gamma, beta) = (bench.input(width, shift: 1), bench.input(width))
        bench.backend.layerNorm(
            x, gamma: affine ? gamma : nil, beta: affine ? beta : nil, epsilon: 1e-6,
            mean: bench.output("mean", rows), rstd: bench.output("rstd", rows), to: bench.output("y", rows, 1, width))
    }
}

struct LayerNormBackwardCase: OperationCase {
    let rows: Int, width: Int, affine: Bool
    var operation: Operation { .layerNormBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        // The statistics are inputs here: any mean and rstd define the gradient.
        let (x, dy) = (bench.input(rows, width), bench.input(rows, width))
        let (mean, rstd) = (bench.input(rows, scale: 0.1), bench.input(rows, scale: 0.1, shift: 1))
        bench.backend.layerNormBackward(
            x, gamma: affine ? bench.input(width, shift: 1) : nil, mean: mean, rstd: rstd, dy: dy,
            dx: bench.changed("dx", rows, width), dGamma: affine ? bench.changed("dGamma", width) : nil,
            dBeta: affine ? bench.changed("dBeta", width) : nil)
    }
}

/// `sharp`: scores of some hundreds that are exact in Float, which overflow an exponential without its maximum.
struct AttentionCase: OperationCase {
    let images: Int, tokens: Int, heads: Int, headWidth: Int, sharp: Bool
    var operation: Operation { .attention }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let width = heads * headWidth
        let qkv =
            sharp
            ? bench.wholeInput(images, tokens, 3 * width, limit: 30) : bench.input(images, tokens, 3 * width)
        bench.backend.attention(
            qkv: qkv, heads: heads, probabilities: bench.output("probabilities", images, heads, tokens, tokens),
            to: bench.output("y", images, tokens, width))
    }
}

struct AttentionBackwardCase: OperationCase {
    let images: Int, tokens: Int, heads: Int, headWidth: Int
    var operation: Operation { .attentionBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let width = heads * headWidth
        let (qkv, dy) = (bench.input(images, tokens, 3 * width), bench.input(images, tokens, width))
        // Rows that sum to 1, whatever made them, are what the softmax's gradient is defined for.
        let probabilities = bench.input(
            softmaxRows(images * heads * tokens, of: tokens), Shape(images, heads, tokens, tokens))
        bench.backend.attentionBackward(
            qkv: qkv, heads: heads, probabilities: probabilities, dy: dy,
            dQKV: bench.output("dQKV", images, tokens, 3 * width), scratch: bench.scratch(2, tokens, tokens))
    }

    private func softmaxRows(_ rows: Int, of count: Int) -> [Double] {
        var random = RandomStream(seed: 9, purpose: .tests, sample: rows)
        return (0..<rows).flatMap { _ in
            let weights = (0..<count).map { _ in random.uniform() + 0.01 }
            let sum = weights.reduce(0, +)
            return weights.map { Double(Float($0 / sum)) }
        }
    }
}
