import CKernels
import Foundation
import TensorCore
import Testing

/// Attention of one head on bfloat16 against its definition in Double.
@Suite struct BF16AttentionTests {
    /// Queries, of which so many in a first run; keys, of which so many in a first run; width.
    static let shapes = [
        [5, 2, 5, 0, 8], [33, 0, 33, 10, 24], [64, 31, 64, 0, 64], [20, 20, 70, 31, 32], [100, 64, 100, 64, 12],
        [7, 0, 65, 65, 64], [40, 1, 41, 1, 96], [1, 0, 1, 0, 1],
    ]

    /// Numbers of order one go through two products and a softmax whose weights are rounded to eight bits.
    static let tolerance = 0.02

    @Test(arguments: BF16Kernels.all, shapes) func attentionAndItsGradientAreThoseOfTheDefinition(
        kernels: BF16Kernels, shape: [Int]
    ) {
        let (queries, keys, width) = (shape[0], shape[2], shape[4])
        var draws = Draws(queries)
        let (q, k) = (draws.numbers(queries * width, scale: 2), draws.numbers(keys * width, scale: 2))
        let (v, dy) = (draws.numbers(keys * width), draws.numbers(queries * width))
        // Between the rows lies what belongs to other heads; even and odd distances are read in different ways.
        let stride = width + (width.isMultiple(of: 64) ? 6 : 5)
        let rows = { (count: Int, values: [Double]?) in NarrowRows(count, width, stride: stride, values) }
        let (qs, ks, vs, dys) = (rows(queries, q), rows(keys, k), rows(keys, v), rows(queries, dy))
        let (y, dq, dk, dv) = (rows(queries, nil), rows(queries, nil), rows(keys, nil), rows(keys, nil))
        let logSums = HostBuffer<Float>(count: queries)
        let scratch = HostBuffer<UInt16>(count: kernels.table.attention_scratch(queries, keys, width))
        for index in 0..<scratch.count { scratch[index] = 0x7fc0 }
        kernels.table.attention(
            qs.split(at: shape[1]), ks.split(at: shape[3]), vs.split(at: shape[3]), width, y.pointer, y.stride,
            logSums.pointer, scratch.pointer)
        for index in 0..<scratch.count { scratch[index] = 0x7fc0 }
        kernels.table.attention_backward(
            qs.split(at: shape[1]), ks.split(at: shape[3]), vs.split(at: shape[3]), width, y.pointer, dys.pointer,
            y.stride, logSums.pointer, dq.mutableSplit(at: shape[1]), dk.mutableSplit(at: shape[3]),
            dv.mutableSplit(at: shape[3]), scratch.pointer)

        let truth = definition(q, k, v, dy, queries: queries, keys: keys, width: width)
        #expect(largestError(logSums.array.map { Double($0) }, truth.logSums) < Self.tolerance)
        for (result, values) in [(y, truth.y), (dq, truth.dq), (dk, truth.dk), (dv, truth.dv)] {
            #expect(largestError(result.values, values) < Self.tolerance && result.isUntouchedBesides)
        }
    }

    @Test(arguments: BF16Kernels.all) func largeScoresDoNotOverflowAndANaNStays(kernels: BF16Kernels) {
        let (tokens, width) = (40, 32)
        var draws = Draws(9)
        let (q, k) = (draws.numbers(tokens * width, scale: 200), draws.numbers(tokens * width, scale: 200))
        let (qs, ks) = (NarrowRows(tokens, width, q), NarrowRows(tokens, width, k))
        let (vs, y) = (NarrowRows(tokens, width, draws.numbers(tokens * width)), NarrowRows(tokens, width))
        let logSums = HostBuffer<Float>(count: tokens)
        let scratch = HostBuffer<UInt16>(count: kernels.table.attention_scratch(tokens, tokens, width))
        let run = {
            kernels.table.attention(
                qs.split(at: 0), ks.split(at: 0), vs.split(at: 0), width, y.pointer, y.stride, logSums.pointer,
                scratch.pointer)
        }
        run()
        #expect(y.values.allSatisfy { abs($0) <= 1 })
        qs[17, 4] = 0x7fc0
        run()
        for row in 0..<tokens {
            #expect(y.values[(row * width)..<((row + 1) * width)].allSatisfy { $0.isNaN == (row == 17) })
        }
    }

    private func definition(
        _ q: [Double], _ k: [Double], _ v: [Double], _ dy: [Double], queries: Int, keys: Int, width: Int
    ) -> (y: [Double], logSums: [Double], dq: [Double], dk: [Double], dv: [Double]) {
        let factor = 1 / Double(width).squareRoot()
        let multiply = { (a: [Double], b: [Double]) in
            product(
                a, b, rows: queries, depth: width, columns: keys, aRow: width, aDepth: 1, bDepth: 1, bColumn: width)
        }
        let scores = multiply(q, k).map { $0 * factor }
        let dWeights = multiply(dy, v)
        var (logSums, weights, dScores) = ([Double](), [Double](), [Double]())
        for row in 0..<queries {
            let part = scores[(row * keys)..<((row + 1) * keys)]
            let most = part.max() ?? 0
            logSums.append(most + log(part.reduce(0) { $0 + exp($1 - most) }))
            let probabilities = part.map { exp($0 - logSums[row]) }
            let slopes = dWeights[(row * keys)..<((row + 1) * keys)]
            let dot = zip(probabilities, slopes).reduce(0) { $0 + $1.0 * $1.1 }
            weights += probabilities
            dScores += zip(probabilities, slopes).map { $0 * ($1 - dot) * factor }
        }
        let down = { (a: [Double], b: [Double]) in
            product(a, b, rows: keys, depth: queries, columns: width, aRow: 1, aDepth: keys, bDepth: width, bColumn: 1)
        }
        let along = { (a: [Double], b: [Double]) in
            product(a, b, rows: queries, depth: keys, columns: width, aRow: keys, aDepth: 1, bDepth: width, bColumn: 1)
        }
        return (along(weights, v), logSums, along(dScores, k), down(dScores, q), down(weights, dy))
    }
}
