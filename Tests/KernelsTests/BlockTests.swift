import Kernels
import TensorCore
import TestSupport
import Testing

/// The forms of a transformer block that leave out what is not needed, against the plain block and central differences.
@Suite struct BlockTests {
    private typealias Double64 = ReferenceBackend<Double>
    private let backend = ReferenceBackend<Double>()
    private static let block = LoneBlock(width: 6, heads: 2, hidden: 10)

    /// S = M·B sequences of Kc shared and To own tokens.
    struct Form: Sendable, CustomTestStringConvertible {
        var images = 2
        var copies = 3
        var shared = 0
        var own = 5
        /// The last Q of each sequence; none: all.
        var last: Int?

        var sequences: Int { images * copies }
        var tokens: Int { shared + own }
        var testDescription: String { "\(copies)×\(images) sequences of \(shared)+\(own), last \(last ?? tokens)" }
    }

    static let forms = [
        Form(), Form(last: 2), Form(last: 5), Form(shared: 4), Form(shared: 4, own: 3, last: 3),
        Form(shared: 2, own: 4, last: 1), Form(images: 3, copies: 1, shared: 2, own: 2), Form(shared: 1, own: 1),
    ]

    private let parameters = normals(Self.block.count, sample: 1, scale: 0.5)

    /// A forward pass, and the gradients of inner(dy, y) with respect to parameters, own and shared tokens.
    private func run(
        _ form: Form, _ parameters: [Double], own: [Double], shared: [Double], dy: [Double]? = nil
    ) -> (y: [Double], gradients: [[Double]]) {
        let (block, width) = (Self.block.layout, Self.block.layout.width)
        let ownTokens = backend.tensor(own, form.sequences, form.own, width)
        let sharedTokens = form.shared > 0 ? backend.tensor(shared, form.images, form.shared, width) : nil
        let input = BlockInput(ownTokens, shared: sharedTokens, queries: form.last.map { .last($0) } ?? .all)
        let memory = backend.blockMemory(block, input.shape)
        let kept = backend.tensor(filledWith: .nan, memory.kept)
        let y = backend.makeTensor(input.outputShape)
        let weights = Parameters(backend.tensor(parameters, parameters.count))
        backend.blockForward(
            block, input, parameters: weights, kept: kept,
            scratch: backend.tensor(filledWith: .nan, memory.forwardScratch), to: y)
        guard let dy else { return (backend.doubles(y), []) }
        let sums = backend.tensor(filledWith: 0, parameters.count)
        let dOwn = backend.makeTensor(ownTokens.shape)
        let dShared = sharedTokens.map { backend.makeTensor($0.shape) }
        let upstream = backend.makeTensor(y.shape)
        backend.store(dy, in: upstream)
        backend.blockBackward(
            block, input, parameters: weights, kept: kept,
            scratch: backend.tensor(filledWith: .nan, memory.backwardScratch), dy: upstream,
            gradients: BlockGradients(parameters: sums, own: dOwn, shared: dShared))
        return (
            backend.doubles(y), [backend.doubles(sums), backend.doubles(dOwn), dShared.map(backend.doubles) ?? []]
        )
    }

    private func tokens(_ form: Form) -> (own: [Double], shared: [Double]) {
        let width = Self.block.layout.width
        return (
            normals(form.sequences * form.own * width, sample: 2),
            normals(form.images * form.shared * width, sample: 3)
        )
    }

    @Test(arguments: forms) func gradientsAgreeWithCentralDifferences(form: Form) {
        let (own, shared) = tokens(form)
        let (y, _) = run(form, parameters, own: own, shared: shared)
        let dy = normals(y.count, sample: 4)
        let (_, gradients) = run(form, parameters, own: own, shared: shared, dy: dy)
        let loss = { (p: [Double], own: [Double], shared: [Double]) in
            inner(dy, run(form, p, own: own, shared: shared).y)
        }
        // The bias of keys has a gradient of rounding only, which is set to 0.
        let errors = [
            gradientError(
                of: { loss($0, own, shared) }, analytic: gradients[0], at: parameters, sample: 150),
            gradientError(of: { loss(parameters, $0, shared) }, analytic: gradients[1], at: own, sample: 60),
            form.shared == 0
                ? 0 : gradientError(of: { loss(parameters, own, $0) }, analytic: gradients[2], at: shared),
        ]
        #expect(errors.allSatisfy { $0 <= 1e-6 }, "parameters, own, shared: \(errors)")
    }

    /// The plain block on whole sequences, restricted to the queries afterwards.
    @Test(arguments: forms) func everyFormEqualsThePlainBlock(form: Form) {
        let (own, shared) = tokens(form)
        let width = Self.block.layout.width
        var joined: [Double] = []
        for s in 0..<form.sequences {
            let (a, b) = (form.shared * width, form.own * width)
            let image = s % form.images
            joined += shared[(image * a)..<((image + 1) * a)]
            joined += own[(s * b)..<((s + 1) * b)]
        }
        let plain = Form(images: form.sequences, copies: 1, own: form.tokens)
        let queries = form.last ?? form.tokens
        let (y, _) = run(form, parameters, own: own, shared: shared)
        let dy = normals(y.count, sample: 5)
        var dWhole: [Double] = []
        for s in 0..<form.sequences {
            dWhole += [Double](repeating: 0, count: (form.tokens - queries) * width)
            dWhole += dy[(s * queries * width)..<((s + 1) * queries * width)]
        }
        let (_, actual) = run(form, parameters, own: own, shared: shared, dy: dy)
        let (whole, expected) = run(plain, parameters, own: joined, shared: [], dy: dWhole)

        var (wanted, dOwn) = ([Double](), [Double]())
        var dShared = [Double](repeating: 0, count: shared.count)
        for s in 0..<form.sequences {
            let start = s * form.tokens * width
            let end = start + form.tokens * width
            wanted += whole[(end - queries * width)..<end]
            dOwn += expected[1][(end - form.own * width)..<end]
            let image = s % form.images * form.shared * width
            for i in 0..<(form.shared * width) { dShared[image + i] += expected[1][start + i] }
        }
        #expect(relativeError(y, wanted) <= 1e-12)
        #expect(relativeError(actual[0], expected[0]) <= 1e-12)
        #expect(relativeError(actual[1], dOwn) <= 1e-12)
        #expect(relativeError(actual[2], dShared) <= 1e-12)
    }

    @Test func chosenQueriesHaveThePlainBlocksOutputs() {
        let (sequences, tokens, width) = (4, 5, Self.block.layout.width)
        let x = backend.tensor(normals(sequences * tokens * width, sample: 2), sequences, tokens, width)
        let weights = Parameters(backend.tensor(parameters, parameters.count))
        func outputs(_ queries: BlockInput<Double64>.Queries) -> [Double] {
            let input = BlockInput(x, queries: queries)
            let memory = backend.blockMemory(Self.block.layout, input.shape)
            let y = backend.makeTensor(input.outputShape)
            backend.blockForward(
                Self.block.layout, input, parameters: weights, kept: nil,
                scratch: backend.tensor(filledWith: .nan, memory.inferenceScratch), to: y)
            return backend.doubles(y)
        }
        // Three tokens, none, one, all five.
        let rows = [0, 2, 3, 14, 15, 16, 17, 18, 19]
        let starts = [0, 3, 3, 4, 9]
        let all = outputs(.all)
        let chosen = outputs(.chosen(rows: backend.indices(rows, 9), starts: backend.indices(starts, 5)))
        #expect(relativeError(chosen, rows.flatMap { all[($0 * width)..<(($0 + 1) * width)] }) <= 1e-12)
    }

    @Test func memoryDoesNotShrinkWhereASizeGrows() {
        let base = BlockShape(sequences: 6, tokens: 7, queryRows: 18, sharedTokens: 3, images: 2)
        var larger = [base, base, base, base]
        larger[0].sequences += 2
        larger[1].tokens += 1
        larger[2].queryRows += 6
        larger[3].images += 1
        let memory = backend.blockMemory(Self.block.layout, base)
        for shape in larger {
            let more = backend.blockMemory(Self.block.layout, shape)
            #expect(more.kept >= memory.kept && more.backwardScratch >= memory.backwardScratch)
            #expect(more.inferenceScratch >= memory.inferenceScratch)
        }
    }
}
