import Kernels
import TensorCore

/// (images, channels, rows of patches, columns of patches, patch size).
private let patchSizes = [
    (1, 1, 1, 1, 1), (2, 1, 7, 7, 4), (1, 3, 2, 3, 5), (3, 2, 1, 4, 3), (1, 3, 3, 2, 16), (2, 4, 5, 1, 8),
]

/// (images, places N, width).
private let tokenSizes = [(1, 1, 1), (2, 5, 3), (3, 9, 16), (2, 49, 96), (1, 4, 17), (5, 3, 33)]

/// More patches than go through at once: of several images, and of one; and weights without a packed copy.
private let embeddingCases: [any OperationCase] = {
    var cases: [any OperationCase] = []
    for kept in [nil, 150] {
        let patches = PatchesCase(images: 5, channels: 2, gridRows: 16, gridColumns: 13, patch: 2, kept: kept)
        cases.append(EmbedPatchesCase(patches, width: 33))
        cases.append(EmbedPatchesBackwardCase(patches, width: 33))
    }
    let patches = PatchesCase(images: 2, channels: 1, gridRows: 24, gridColumns: 25, patch: 2, kept: nil)
    for isPacked in [true, false] {
        cases.append(EmbedPatchesCase(patches, width: 9, isPacked: isPacked))
        cases.append(EmbedPatchesBackwardCase(patches, width: 9, isPacked: isPacked))
    }
    return cases
}()

let tokenCases: [any OperationCase] =
    patchSizes.flatMap { images, channels, gridRows, gridColumns, patch in
        [nil, 1, 3].flatMap { kept -> [any OperationCase] in
            let patches = PatchesCase(
                images: images, channels: channels, gridRows: gridRows, gridColumns: gridColumns, patch: patch,
                kept: kept)
            return [patches, EmbedPatchesCase(patches, width: 21), EmbedPatchesBackwardCase(patches, width: 21)]
        }
    }
    + embeddingCases
    + tokenSizes.flatMap { images, places, width -> [any OperationCase] in
        [1, 4].flatMap { blocks in
            [1, 6].flatMap { kept -> [any OperationCase] in
                [
                    GatherBlocksCase(blocks: blocks, images: images, places: places, kept: kept, width: width),
                    GatherBlocksBackwardCase(blocks: blocks, images: images, places: places, kept: kept, width: width),
                    AppendMaskTokensCase(
                        blocks: blocks, images: images, seen: places, masked: kept, width: width, places: 8),
                    AppendMaskTokensBackwardCase(
                        blocks: blocks, images: images, seen: places, masked: kept, width: width),
                ]
            }
        } + [
            AddRowsCase(images: images, kept: places, width: width, places: places + 3, chosen: true),
            AddRowsCase(images: images, kept: places, width: width, places: places, chosen: false),
            MeanTokensCase(images: images, tokens: places, width: width),
            MeanTokensBackwardCase(images: images, tokens: places, width: width),
        ]
            + Set([1, (places + 1) / 2, places]).sorted().flatMap { kept -> [any OperationCase] in
                [
                    LastTokensCase(images: images, tokens: places, kept: kept, width: width),
                    LastTokensBackwardCase(images: images, tokens: places, kept: kept, width: width),
                ]
            }
    }

struct PatchesCase: OperationCase {
    let images: Int, channels: Int, gridRows: Int, gridColumns: Int, patch: Int
    /// Patches chosen of each image; all in raster order if none.
    let kept: Int?
    var operation: Operation { .patches }

    var places: Int { gridRows * gridColumns }
    var elements: Int { channels * patch * patch }

    func input<Backend: KernelBackend>(on bench: Bench<Backend>) -> PatchInput<Backend> {
        PatchInput(
            bench.input(images, channels, gridRows * patch, gridColumns * patch), patchSize: patch,
            indices: kept.map { bench.indices(images, $0, below: places) })
    }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let input = input(on: bench)
        bench.backend.patches(
            of: input.images, patchSize: patch, indices: input.indices,
            to: bench.output("y", images, kept ?? places, elements))
    }
}

struct EmbedPatchesCase: OperationCase {
    let patches: PatchesCase, width: Int, isPacked: Bool
    var operation: Operation { .embedPatches }

    init(_ patches: PatchesCase, width: Int, isPacked: Bool = true) {
        (self.patches, self.width, self.isPacked) = (patches, width, isPacked)
    }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let input = patches.input(on: bench)
        let values = bench.input(width, patches.elements)
        let weight = isPacked ? bench.packed(values) : Weight(values: values, packed: nil)
        let (bias, positions) = (bench.input(width), bench.input(patches.places, width))
        bench.backend.embedPatches(
            input, weight: weight, bias: bias, positions: positions,
            scratch: bench.scratch(bench.backend.patchScratch(input.shape(width: width)).forward),
            to: bench.output("y", patches.images, patches.kept ?? patches.places, width))
    }
}

struct EmbedPatchesBackwardCase: OperationCase {
    let patches: PatchesCase, width: Int, isPacked: Bool
    var operation: Operation { .embedPatchesBackward }

    init(_ patches: PatchesCase, width: Int, isPacked: Bool = true) {
        (self.patches, self.width, self.isPacked) = (patches, width, isPacked)
    }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let input = patches.input(on: bench)
        let values = bench.input(width, patches.elements)
        let weight = isPacked ? bench.packed(values) : Weight(values: values, packed: nil)
        bench.backend.embedPatchesBackward(
            input, dy: bench.input(patches.images, patches.kept ?? patches.places, width), weight: weight,
            scratch: bench.scratch(bench.backend.patchScratch(input.shape(width: width)).backward),
            dWeight: bench.changed("dWeight", width, patches.elements), dBias: bench.changed("dBias", width))
    }
}

struct AddRowsCase: OperationCase {
    let images: Int, kept: Int, width: Int, places: Int, chosen: Bool
    var operation: Operation { .addRows }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let table = bench.input(places, width)
        bench.backend.addRows(
            of: table, indices: chosen ? bench.indices(images, kept, below: places) : nil,
            to: bench.changed("x", images, kept, width))
    }
}

struct GatherBlocksCase: OperationCase {
    let blocks: Int, images: Int, places: Int, kept: Int, width: Int
    var operation: Operation { .gatherBlocks }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.gatherBlocks(
            bench.input(images, places, width), indices: bench.indices(blocks, images, kept, below: places),
            to: bench.output("y", blocks, images, kept, width))
    }
}

struct GatherBlocksBackwardCase: OperationCase {
    let blocks: Int, images: Int, places: Int, kept: Int, width: Int
    var operation: Operation { .gatherBlocksBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.gatherBlocksBackward(
            dy: bench.input(blocks, images, kept, width), indices: bench.indices(blocks, images, kept, below: places),
            dx: bench.changed("dx", images, places, width))
    }
}

struct AppendMaskTokensCase: OperationCase {
    let blocks: Int, images: Int, seen: Int, masked: Int, width: Int, places: Int
    var operation: Operation { .appendMaskTokens }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.appendMaskTokens(
            context: bench.input(images, seen, width), maskToken: bench.input(width),
            table: bench.input(places, width), indices: bench.indices(blocks, images, masked, below: places),
            to: bench.output("y", blocks, images, seen + masked, width))
    }
}

struct AppendMaskTokensBackwardCase: OperationCase {
    let blocks: Int, images: Int, seen: Int, masked: Int, width: Int
    var operation: Operation { .appendMaskTokensBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.appendMaskTokensBackward(
            dy: bench.input(blocks, images, seen + masked, width),
            dContext: bench.output("dContext", images, seen, width),
            dMaskToken: bench.changed("dMaskToken", width))
    }
}

struct LastTokensCase: OperationCase {
    let images: Int, tokens: Int, kept: Int, width: Int
    var operation: Operation { .lastTokens }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.lastTokens(bench.input(images, tokens, width), to: bench.output("y", images, kept, width))
    }
}

struct LastTokensBackwardCase: OperationCase {
    let images: Int, tokens: Int, kept: Int, width: Int
    var operation: Operation { .lastTokensBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.lastTokensBackward(
            dy: bench.input(images, kept, width), dx: bench.output("dx", images, tokens, width))
    }
}

struct MeanTokensCase: OperationCase {
    let images: Int, tokens: Int, width: Int
    var operation: Operation { .meanTokens }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.meanTokens(bench.input(images, tokens, width), to: bench.output("y", images, width))
    }
}

struct MeanTokensBackwardCase: OperationCase {
    let images: Int, tokens: Int, width: Int
    var operation: Operation { .meanTokensBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.meanTokensBackward(
            dy: bench.input(images, width), dx: bench.changed("dx", images, tokens, width))
    }
}
