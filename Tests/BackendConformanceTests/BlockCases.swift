import Kernels
import TensorCore
import TestSupport

/// Which tokens a block or attention works on: M·B sequences of Kc shared and To own tokens.
struct BlockForm: Sendable {
    let images: Int, copies: Int, shared: Int, own: Int
    /// The last Q own tokens are queries; none: all tokens.
    let last: Int?

    var sequences: Int { images * copies }
    var tokens: Int { shared + own }
    var queryRows: Int { sequences * (last ?? tokens) }
}

private let forms = [
    BlockForm(images: 1, copies: 1, shared: 0, own: 1, last: nil),
    BlockForm(images: 3, copies: 1, shared: 0, own: 7, last: nil),
    BlockForm(images: 2, copies: 1, shared: 0, own: 49, last: nil),
    BlockForm(images: 1, copies: 2, shared: 0, own: 9, last: 4),
    BlockForm(images: 2, copies: 1, shared: 0, own: 5, last: 5),
    BlockForm(images: 2, copies: 3, shared: 6, own: 3, last: nil),
    BlockForm(images: 2, copies: 2, shared: 17, own: 20, last: 20),
    BlockForm(images: 1, copies: 4, shared: 3, own: 8, last: 2),
]

/// (heads, head width, hidden width).
private let blockWidths = [(1, 4, 6), (2, 16, 128), (3, 20, 100)]

let blockCases: [any OperationCase] =
    forms.flatMap { form in
        blockWidths.flatMap { heads, headWidth, hidden -> [any OperationCase] in
            [
                BlockForwardCase(form: form, heads: heads, width: heads * headWidth, hidden: hidden, keeps: true),
                BlockForwardCase(form: form, heads: heads, width: heads * headWidth, hidden: hidden, keeps: false),
                BlockBackwardCase(form: form, heads: heads, width: heads * headWidth, hidden: hidden, inPlace: false),
            ]
        } + [SplitAttentionCase(form: form), SplitAttentionBackwardCase(form: form)]
    }
    + [
        BlockBackwardCase(form: forms[1], heads: 2, width: 32, hidden: 64, inPlace: true),
        ChosenQueriesCase(counts: [3, 0, 7, 1], tokens: 7), ChosenQueriesCase(counts: [20], tokens: 33),
        ChosenQueriesCase(counts: [0, 0], tokens: 4),
    ]
    + [(1, 1, 1, 1), (2, 3, 4, 5), (3, 2, 17, 16)].flatMap { images, copies, shared, own -> [any OperationCase] in
        [
            JoinTokensCase(images: images, copies: copies, shared: shared, own: own, width: 19),
            JoinTokensBackwardCase(images: images, copies: copies, shared: shared, own: own, width: 19),
        ]
    }

extension BlockForm {
    func input<Backend: KernelBackend>(_ bench: Bench<Backend>, width: Int) -> BlockInput<Backend> {
        BlockInput(
            bench.input(sequences, own, width), shared: shared > 0 ? bench.input(images, shared, width) : nil,
            queries: last.map { .last($0) } ?? .all)
    }

    /// The same shapes, full of NaN.
    func undefinedInput<Backend: KernelBackend>(_ bench: Bench<Backend>, width: Int) -> BlockInput<Backend> {
        BlockInput(
            bench.scratch(sequences, own, width), shared: shared > 0 ? bench.scratch(images, shared, width) : nil,
            queries: last.map { .last($0) } ?? .all)
    }

    /// Shared queries where all tokens are queries.
    func operands<Backend: KernelBackend>(
        _ width: Int, _ make: (_ name: String, _ extents: [Int]) -> Tensor<Backend>
    ) -> AttentionOperands<Backend> {
        AttentionOperands(
            queries: make("queries", [sequences, last ?? own, width]),
            keysAndValues: make("keys and values", [sequences, own, 2 * width]),
            sharedQueries: shared > 0 && last == nil ? make("shared queries", [images, shared, width]) : nil,
            sharedKeysAndValues: shared > 0 ? make("shared keys and values", [images, shared, 2 * width]) : nil)
    }
}

struct BlockForwardCase: OperationCase {
    let form: BlockForm, heads: Int, width: Int, hidden: Int, keeps: Bool
    var operation: Operation { .blockForward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let block = LoneBlock(width: width, heads: heads, hidden: hidden)
        let input = form.input(bench, width: width)
        let memory = bench.backend.blockMemory(block.layout, input.shape)
        bench.backend.blockForward(
            block.layout, input, parameters: bench.parameters(block),
            kept: keeps ? bench.scratch(memory.kept) : nil,
            scratch: bench.scratch(keeps ? memory.forwardScratch : memory.inferenceScratch),
            to: bench.output("y", form.queryRows, width).reshaped(input.outputShape))
    }
}

struct BlockBackwardCase: OperationCase {
    let form: BlockForm, heads: Int, width: Int, hidden: Int, inPlace: Bool
    var operation: Operation { .blockBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let block = LoneBlock(width: width, heads: heads, hidden: hidden)
        let input = form.input(bench, width: width)
        let parameters = bench.parameters(block)
        let memory = bench.backend.blockMemory(block.layout, input.shape)
        let kept = bench.scratch(memory.kept)
        bench.backend.blockForward(
            block.layout, input, parameters: parameters, kept: kept, scratch: bench.scratch(memory.forwardScratch),
            to: bench.scratch(form.queryRows, width).reshaped(input.outputShape))
        let dy = inPlace ? bench.changed("dy", form.queryRows, width) : bench.spent(form.queryRows, width)
        // Where the input is not needed again, other things may be in its place by now: here, no numbers.
        let later = memory.needsInput ? input : form.undefinedInput(bench, width: width)
        bench.backend.blockBackward(
            block.layout, later, parameters: parameters, kept: kept, scratch: bench.scratch(memory.backwardScratch),
            dy: dy.reshaped(input.outputShape),
            gradients: BlockGradients(
                parameters: bench.changed("parameters", block.count),
                own: inPlace ? nil : bench.output("dOwn", form.sequences, form.own, width),
                shared: form.shared > 0 ? bench.output("dShared", form.images, form.shared, width) : nil))
    }
}

/// `counts`: queries of each sequence.
struct ChosenQueriesCase: OperationCase {
    let counts: [Int], tokens: Int
    var operation: Operation { .blockForward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let block = LoneBlock(width: 24, heads: 2, hidden: 50)
        let rows = counts.enumerated().flatMap { s, count in (0..<count).map { s * tokens + tokens - count + $0 } }
        let starts = counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        let input = BlockInput(
            bench.input(counts.count, tokens, 24),
            queries: .chosen(
                rows: bench.backend.indices(rows, rows.count), starts: bench.backend.indices(starts, starts.count)))
        let memory = bench.backend.blockMemory(block.layout, input.shape)
        bench.backend.blockForward(
            block.layout, input, parameters: bench.parameters(block), kept: nil,
            scratch: bench.scratch(memory.inferenceScratch), to: bench.output("y", rows.count, 24))
    }
}

struct SplitAttentionCase: OperationCase {
    let form: BlockForm
    var operation: Operation { .splitAttention }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (heads, width) = (2, 40)
        bench.backend.attention(
            form.operands(width) { _, extents in bench.input(extents) }, heads: heads,
            probabilities: bench.output("probabilities", form.queryRows, heads, form.tokens),
            to: bench.output("y", form.queryRows, width))
    }
}

struct SplitAttentionBackwardCase: OperationCase {
    let form: BlockForm
    var operation: Operation { .splitAttentionBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (heads, width) = (2, 40)
        let operands = form.operands(width) { _, extents in bench.input(extents) }
        let probabilities = bench.scratch(form.queryRows, heads, form.tokens)
        bench.backend.attention(
            operands, heads: heads, probabilities: probabilities, to: bench.scratch(form.queryRows, width))
        bench.backend.attentionBackward(
            operands, heads: heads, probabilities: probabilities, dy: bench.input(form.queryRows, width),
            gradients: form.operands(width) { name, extents in bench.output(name, extents) },
            scratch: bench.scratch(2, form.tokens, form.tokens))
    }
}

struct JoinTokensCase: OperationCase {
    let images: Int, copies: Int, shared: Int, own: Int, width: Int
    var operation: Operation { .joinTokens }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.joinTokens(
            shared: bench.input(images, shared, width), own: bench.input(copies * images, own, width),
            to: bench.output("y", copies * images, shared + own, width))
    }
}

struct JoinTokensBackwardCase: OperationCase {
    let images: Int, copies: Int, shared: Int, own: Int, width: Int
    var operation: Operation { .joinTokensBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.joinTokensBackward(
            dy: bench.input(copies * images, shared + own, width),
            dShared: bench.output("dShared", images, shared, width),
            dOwn: bench.output("dOwn", copies * images, own, width))
    }
}
