#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Kernels
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct AttentionTests {
    @Test func twoTokensByHand() {
        // One image, one head, D = 1. q = (1, 2), k = (0, ln 3), v = (4, 8).
        // Scores: (0, ln 3) and (0, 2 ln 3), so probabilities (1/4, 3/4) and (1/10, 9/10).
        let qkv = backend.tensor([1, 0, 4, 2, log(3), 8], 1, 2, 3)
        let probabilities = backend.tensor(filledWith: .nan, 1, 1, 2, 2)
        let y = backend.tensor(filledWith: .nan, 1, 2, 1)
        backend.attention(qkv: qkv, heads: 1, probabilities: probabilities, to: y)
        #expect(relativeError(backend.doubles(probabilities), [0.25, 0.75, 0.1, 0.9]) <= 1e-15)
        #expect(relativeError(backend.doubles(y), [7, 7.6]) <= 1e-15)
    }

    @Test func headsTakeTheirOwnColumnsAndScaleByTheirWidth() {
        // Two heads of width 1 in D = 2: head h of a token reads columns h, 2 + h and 4 + h.
        let (a, b) = ([1.0, 0, 4], [2.0, log(3), 8])
        let first = [a[0], 9, a[1], 0, a[2], 1]
        let second = [b[0], 9, b[1], 0, b[2], 3]
        let probabilities = backend.tensor(filledWith: .nan, 1, 2, 2, 2)
        let y = backend.tensor(filledWith: .nan, 1, 2, 2)
        backend.attention(
            qkv: backend.tensor(first + second, 1, 2, 6), heads: 2, probabilities: probabilities, to: y)
        #expect(relativeError(backend.doubles(probabilities), [0.25, 0.75, 0.1, 0.9, 0.5, 0.5, 0.5, 0.5]) <= 1e-15)
        #expect(relativeError(backend.doubles(y), [7, 2, 7.6, 2]) <= 1e-15)
        // One head of width 4 with q = 2·1 and k = ln 3 · 1 or 0: score 4 · 2 · ln 3 / √4 = 4 ln 3.
        let wide = [Double](repeating: 2, count: 4)
        let tokens = wide + [0, 0, 0, 0] + wide + wide + [Double](repeating: log(3), count: 4) + wide
        let p = backend.tensor(filledWith: .nan, 1, 1, 2, 2)
        backend.attention(
            qkv: backend.tensor(tokens, 1, 2, 12), heads: 1, probabilities: p,
            to: backend.tensor(filledWith: .nan, 1, 2, 4))
        #expect(relativeError(backend.doubles(p), [1.0 / 82, 81.0 / 82, 1.0 / 82, 81.0 / 82]) <= 1e-14)
    }

    @Test func hugeScoresDoNotOverflow() {
        let qkv = backend.tensor([1000, 1000, 1, 1000, -1000, 2], 1, 2, 3)
        let y = backend.tensor(filledWith: .nan, 1, 2, 1)
        backend.attention(qkv: qkv, heads: 1, probabilities: backend.tensor(filledWith: 0, 1, 1, 2, 2), to: y)
        #expect(backend.doubles(y) == [1, 1])
    }

    struct Size: Sendable, CustomTestStringConvertible {
        let images: Int, tokens: Int, heads: Int, headWidth: Int
        var testDescription: String { "B \(images), T \(tokens), H \(heads), D/H \(headWidth)" }
    }

    static let sizes = [
        Size(images: 1, tokens: 1, heads: 1, headWidth: 2), Size(images: 2, tokens: 3, heads: 1, headWidth: 4),
        Size(images: 1, tokens: 5, heads: 3, headWidth: 2), Size(images: 3, tokens: 4, heads: 2, headWidth: 3),
    ]

    @Test(arguments: sizes) func gradientMatchesDifferences(size: Size) {
        let (b, t, d) = (size.images, size.tokens, size.heads * size.headWidth)
        let (x, dy) = (normals(b * t * 3 * d, sample: 1), normals(b * t * d, sample: 2))
        let probabilities = backend.tensor(filledWith: .nan, b, size.heads, t, t)
        func loss(_ x: [Double]) -> Double {
            let y = backend.tensor(filledWith: .nan, b, t, d)
            backend.attention(
                qkv: backend.tensor(x, b, t, 3 * d), heads: size.heads, probabilities: probabilities, to: y)
            return inner(backend.doubles(y), dy)
        }
        _ = loss(x)
        let dQKV = backend.tensor(filledWith: .nan, b, t, 3 * d)
        backend.attentionBackward(
            qkv: backend.tensor(x, b, t, 3 * d), heads: size.heads, probabilities: probabilities,
            dy: backend.tensor(dy, b, t, d), dQKV: dQKV, scratch: backend.tensor(filledWith: .nan, 2, t, t))
        #expect(gradientError(of: loss, analytic: backend.doubles(dQKV), at: x) <= 1e-6)
    }
}
