import CKernels
import Kernels

/// Places in a piece of float memory, one after the other, each at a multiple of 64 bytes.
struct MemoryPlan {
    private(set) var elements = 0

    /// So many floats.
    mutating func floats(_ count: Int) -> FloatPlace {
        defer { elements += alignedElements(count) }
        return FloatPlace(offset: elements)
    }

    /// So many bfloat16 numbers.
    mutating func narrow(_ count: Int) -> NarrowPlace { NarrowPlace(offset: floats((count + 1) / 2).offset) }
}

struct FloatPlace {
    let offset: Int
    func callAsFunction(_ memory: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> { memory + offset }
}

struct NarrowPlace {
    let offset: Int
    func callAsFunction(_ memory: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(memory + offset).assumingMemoryBound(to: UInt16.self)
    }
}

/// The sizes of a block and of the groups of sequences that go through it at once.
///
/// A group has a few hundred rows: enough for products to run at full speed and for weight gradients to be added up
/// seldom, few enough that what one pass writes is still in the second or third cache when the next reads it.
struct BF16Sizes {
    let width, hidden, heads: Int
    let shape: BlockShape

    /// Rows of a group, if a sequence is not longer.
    private static var groupRows: Int { 512 }

    init(_ block: BlockLayout, _ shape: BlockShape) {
        (width, hidden, heads) = (block.width, block.hidden, block.heads)
        self.shape = shape
    }

    var headWidth: Int { width / heads }
    /// Strides of narrow matrices of D, 3·D and hidden columns.
    var narrowWidth: Int { paddedColumns(width) }
    var tripleWidth: Int { paddedColumns(3 * width) }
    var hiddenWidth: Int { paddedColumns(hidden) }
    /// Whether the queries' part of the packed qkv map is whole panels, so that it can be left out.
    var splitsQueries: Bool { width.isMultiple(of: 32) }
    /// Whether every token, shared ones included, is a query.
    var allAreQueries: Bool { shape.queryRows == shape.sequences * shape.tokens }
    /// Sequences of a group.
    var groupSequences: Int { max(1, min(shape.sequences, Self.groupRows / max(shape.tokens, 1))) }
    /// No fewer than the rows of any group; grows with every number of the shape.
    var groupRows: Int { min(shape.sequences * shape.tokens, max(shape.tokens, Self.groupRows)) }
}

/// What a forward pass leaves for the backward pass. Rows are those of the output (R) or of own tokens (S·To).
///
/// Of the residual stream it leaves what each LayerNorm made of it before gain and bias, in bfloat16: with rstd that is all
/// that a backward pass needs, and half of what the stream would take.
struct BF16Kept {
    let rstd1, rstd2, logSums: FloatPlace
    /// x̂ of LayerNorm 1 [S·To, D] and 2 [R, D]; empty where nothing goes back.
    let normal1, normal2: NarrowPlace
    /// For each own token q, k, v; without q where only some tokens are queries.
    let qkv: NarrowPlace
    /// Queries in the order of the output, where only some tokens are.
    let queries: NarrowPlace
    let attended, pre: NarrowPlace
    let elements: Int

    /// - Parameter goesBack: Whether there is a backward pass.
    init(_ sizes: BF16Sizes, sequences: Int, queryRows rows: Int, goesBack: Bool = true) {
        let own = sequences * sizes.shape.ownTokens
        var plan = MemoryPlan()
        (rstd1, rstd2) = (plan.floats(own), plan.floats(rows))
        logSums = plan.floats(rows * sizes.heads)
        normal1 = plan.narrow(goesBack ? own * sizes.narrowWidth : 0)
        normal2 = plan.narrow(goesBack ? rows * sizes.narrowWidth : 0)
        qkv = plan.narrow(own * sizes.tripleWidth)
        queries = plan.narrow(sizes.allAreQueries ? 0 : rows * sizes.narrowWidth)
        attended = plan.narrow(rows * sizes.narrowWidth)
        pre = plan.narrow(rows * sizes.hiddenWidth)
        elements = plan.elements
    }
}

/// The same of the shared tokens, B·Kc rows.
struct BF16Shared {
    let rstd: FloatPlace
    let normal, qkv: NarrowPlace
    let elements: Int

    init(_ sizes: BF16Sizes, goesBack: Bool = true) {
        let rows = sizes.shape.images * sizes.shape.sharedTokens
        var plan = MemoryPlan()
        rstd = plan.floats(rows)
        normal = plan.narrow(goesBack ? rows * sizes.narrowWidth : 0)
        qkv = plan.narrow(rows * sizes.tripleWidth)
        elements = plan.elements
    }
}

/// Scratch of a forward pass: for one group.
struct BF16ForwardScratch {
    /// The residual stream after attention, of queries.
    let middle: FloatPlace
    /// Output of either LayerNorm.
    let normalized: NarrowPlace
    /// The rows of it that are queries, where not all are.
    let normalizedQueries: NarrowPlace
    let activated: NarrowPlace
    let attention: NarrowPlace
    let elements: Int

    init(_ sizes: BF16Sizes, _ kernels: CBF16Table) {
        let rows = sizes.groupRows
        var plan = MemoryPlan()
        middle = plan.floats(min(rows, sizes.shape.queryRows) * sizes.width)
        normalized = plan.narrow(rows * sizes.narrowWidth)
        normalizedQueries = plan.narrow(sizes.allAreQueries ? 0 : rows * sizes.narrowWidth)
        activated = plan.narrow(rows * sizes.hiddenWidth)
        attention = plan.narrow(kernels.attention_scratch(sizes.shape.tokens, sizes.shape.tokens, sizes.headWidth))
        elements = plan.elements
    }
}

/// Scratch of a backward pass: for one group, and sums for the shared tokens.
struct BF16BackwardScratch {
    /// The gradient of the residual stream, rounded.
    let dStream: NarrowPlace
    /// Output of a LayerNorm, and its gradient.
    let normalized, dNormalized: NarrowPlace
    let activated, dQKV: NarrowPlace
    let weightGradient, attention: NarrowPlace
    /// [3·D]: the gradient of the bias of keys must not reach the sums.
    let dBias: FloatPlace
    /// Of the shared tokens: of one sequence, summed over sequences [B·Kc, 3·D].
    let dSharedQKV: NarrowPlace
    let dSharedSums: FloatPlace
    let elements: Int

    init(_ sizes: BF16Sizes, _ kernels: CBF16Table) {
        let (rows, shape) = (sizes.groupRows, sizes.shape)
        var plan = MemoryPlan()
        dStream = plan.narrow(rows * sizes.narrowWidth)
        normalized = plan.narrow(rows * sizes.narrowWidth)
        dNormalized = plan.narrow(rows * sizes.narrowWidth)
        activated = plan.narrow(rows * sizes.hiddenWidth)
        dQKV = plan.narrow(rows * sizes.tripleWidth)
        let widest = max(
            kernels.weight_gradient_scratch(sizes.hidden, sizes.width),
            kernels.weight_gradient_scratch(sizes.width, sizes.hidden),
            kernels.weight_gradient_scratch(3 * sizes.width, sizes.width))
        weightGradient = plan.narrow(widest)
        attention = plan.narrow(kernels.attention_scratch(shape.tokens, shape.tokens, sizes.headWidth))
        dBias = plan.floats(3 * sizes.width)
        dSharedQKV = plan.narrow(shape.sharedTokens * sizes.tripleWidth)
        dSharedSums = plan.floats(shape.images * shape.sharedTokens * 3 * sizes.width)
        elements = plan.elements
    }
}

/// What the block asks for.
func bf16BlockMemory(_ block: BlockLayout, _ shape: BlockShape, _ kernels: CBF16Table) -> BlockMemory {
    let sizes = BF16Sizes(block, shape)
    let forward = BF16ForwardScratch(sizes, kernels).elements
    let groupRows = sizes.groupRows
    let group = BF16Kept(
        sizes, sequences: (groupRows + shape.tokens - 1) / max(shape.tokens, 1),
        queryRows: min(shape.queryRows, groupRows), goesBack: false)
    return BlockMemory(
        kept: BF16Kept(sizes, sequences: shape.sequences, queryRows: shape.queryRows).elements
            + BF16Shared(sizes).elements,
        forwardScratch: forward,
        inferenceScratch: forward + group.elements + BF16Shared(sizes, goesBack: false).elements,
        backwardScratch: BF16BackwardScratch(sizes, kernels).elements, needsInput: false)
}
