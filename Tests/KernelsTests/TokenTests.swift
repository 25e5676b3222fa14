import Kernels
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct TokenTests {
    @Test func gatherTakesEachBlocksRows() {
        // Two images of three places, D = 2; two blocks of two patches.
        let x = backend.tensor([0, 0.5, 1, 1.5, 2, 2.5, 10, 10.5, 11, 11.5, 12, 12.5], 2, 3, 2)
        let indices = backend.indices([2, 0, 1, 1, 0, 1, 2, 2], 2, 2, 2)
        let y = backend.tensor(filledWith: .nan, 2, 2, 2, 2)
        backend.gatherBlocks(x, indices: indices, to: y)
        let expected = [2, 2.5, 0, 0.5, 11, 11.5, 11, 11.5, 0, 0.5, 1, 1.5, 12, 12.5, 12, 12.5]
        #expect(backend.doubles(y) == expected)
        let dx = backend.tensor(filledWith: 100, 2, 3, 2)
        backend.gatherBlocksBackward(dy: backend.tensor(filledWith: 1, 2, 2, 2, 2), indices: indices, dx: dx)
        #expect(backend.doubles(dx) == [102, 102, 101, 101, 101, 101, 100, 100, 102, 102, 102, 102])
    }

    @Test func maskTokensFollowTheContextAtTheBlocksPositions() {
        let y = backend.tensor(filledWith: .nan, 2, 1, 3, 2)
        backend.appendMaskTokens(
            context: backend.tensor([1, 2], 1, 1, 2), maskToken: backend.tensor([100, 200], 2),
            table: backend.tensor([0, 0.5, 1, 1.5, 2, 2.5], 3, 2), indices: backend.indices([2, 0, 1, 1], 2, 1, 2),
            to: y)
        #expect(backend.doubles(y) == [1, 2, 102, 202.5, 100, 200.5, 1, 2, 101, 201.5, 101, 201.5])
        let dContext = backend.tensor(filledWith: .nan, 1, 1, 2)
        let dMaskToken = backend.tensor([1000, 2000], 2)
        backend.appendMaskTokensBackward(
            dy: backend.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, 1, 3, 2), dContext: dContext,
            dMaskToken: dMaskToken)
        #expect(backend.doubles(dContext) == [8, 10])
        #expect(backend.doubles(dMaskToken) == [1028, 2032])
    }

    @Test func lastTokensAreCutAndPutBack() {
        let x = backend.tensor([1, 2, 3, 4, 5, 6], 2, 3, 1)
        let y = backend.tensor(filledWith: .nan, 2, 2, 1)
        backend.lastTokens(x, to: y)
        #expect(backend.doubles(y) == [2, 3, 5, 6])
        let dx = backend.tensor(filledWith: .nan, 2, 3, 1)
        backend.lastTokensBackward(dy: y, dx: dx)
        #expect(backend.doubles(dx) == [0, 2, 3, 0, 5, 6])
    }

    @Test func meansOverTokens() {
        let x = backend.tensor([1, 10, 3, 20, -1, 4, -3, 8], 2, 2, 2)
        let y = backend.tensor(filledWith: .nan, 2, 2)
        backend.meanTokens(x, to: y)
        #expect(backend.doubles(y) == [2, 15, -2, 6])
        let dx = backend.tensor(filledWith: 100, 2, 2, 2)
        backend.meanTokensBackward(dy: y, dx: dx)
        #expect(backend.doubles(dx) == [101, 107.5, 101, 107.5, 99, 103, 99, 103])
    }

    @Test func rowsOfTheTableAreAddedAtTheirIndices() {
        let table = backend.tensor([1, 2, 3, 4, 5, 6], 3, 2)
        let x = backend.tensor(filledWith: 10, 2, 2, 2)
        backend.addRows(of: table, indices: backend.indices([2, 0, 1, 1], 2, 2), to: x)
        #expect(backend.doubles(x) == [15, 16, 11, 12, 13, 14, 13, 14])
        let y = backend.tensor(filledWith: 0, 2, 2, 2)
        backend.addRows(of: table, indices: nil, to: y)
        #expect(backend.doubles(y) == [1, 2, 3, 4, 1, 2, 3, 4])
    }
}

@Suite struct PatchTests {
    @Test func aPatchListsChannelsThenRowsThenColumns() {
        // One image, two channels of 2 × 4, patches of 2: two patches side by side.
        let images = backend.tensor((0..<16).map(Double.init), 1, 2, 2, 4)
        let y = backend.tensor(filledWith: .nan, 1, 2, 8)
        backend.patches(of: images, patchSize: 2, indices: nil, to: y)
        #expect(backend.doubles(y) == [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15])
    }

    @Test func linearMapOfPatchesIsTheConvolution() {
        let (images, channels, height, width, patch, outputs) = (2, 3, 6, 9, 3, 4)
        let x = normals(images * channels * height * width, sample: 1)
        let w = normals(outputs * channels * patch * patch, sample: 2)
        let (gridHeight, gridWidth) = (height / patch, width / patch)
        let places = gridHeight * gridWidth
        // Direct convolution with stride = kernel, weight [outputs, C, p, p], output [B, places, outputs].
        var expected: [Double] = []
        for b in 0..<images {
            for place in 0..<places {
                let (top, left) = (place / gridWidth * patch, place % gridWidth * patch)
                for o in 0..<outputs {
                    var sum = 0.0
                    for c in 0..<channels {
                        for r in 0..<patch {
                            for s in 0..<patch {
                                sum +=
                                    w[((o * channels + c) * patch + r) * patch + s]
                                    * x[((b * channels + c) * height + top + r) * width + left + s]
                            }
                        }
                    }
                    expected.append(sum)
                }
            }
        }
        let imageTensor = backend.tensor(x, images, channels, height, width)
        let weight = backend.tensor(w, outputs, channels * patch * patch)
        let cut = backend.tensor(filledWith: .nan, images, places, channels * patch * patch)
        let y = backend.tensor(filledWith: .nan, images, places, outputs)
        backend.patches(of: imageTensor, patchSize: patch, indices: nil, to: cut)
        backend.linear(cut, weight: weight, bias: nil, to: y)
        #expect(relativeError(backend.doubles(y), expected) <= 1e-13)

        // Chosen patches are rows of all patches.
        let chosen = [5, 0, 3, 1, 1, 4]
        let some = backend.tensor(filledWith: .nan, images, 3, channels * patch * patch)
        backend.patches(of: imageTensor, patchSize: patch, indices: backend.indices(chosen, images, 3), to: some)
        let all = backend.doubles(cut)
        let length = channels * patch * patch
        let rows = chosen.enumerated().flatMap { i, place in
            let start = (i / 3 * places + place) * length
            return all[start..<start + length]
        }
        #expect(backend.doubles(some) == rows)
    }

    @Test("patches embedded a few images at a time are embedded as all at once are", arguments: [nil, 150])
    func embeddingInGroups(chosen: Int?) {
        let (images, grid, patch, width) = (5, 16, 2, 3)
        let tokens = chosen ?? grid * grid
        let x = backend.tensor(normals(images * 4 * grid * grid, sample: 1), images, 1, 2 * grid, 2 * grid)
        let weight = backend.tensor(normals(width * 4, sample: 2), width, 4)
        let bias = backend.tensor(normals(width, sample: 3), width)
        let positions = backend.tensor(normals(grid * grid * width, sample: 4), grid * grid, width)
        let indices = chosen.map { count in
            backend.indices((0..<images * count).map { $0 * 7 % (grid * grid) }, images, count)
        }
        let input = PatchInput(x, patchSize: patch, indices: indices)
        let shape = input.shape(width: width)
        #expect(shape.groupRows < images * tokens)
        let scratch = backend.patchScratch(shape)

        let cut = backend.tensor(filledWith: .nan, images, tokens, 4)
        let expected = backend.tensor(filledWith: .nan, images, tokens, width)
        backend.patches(of: x, patchSize: patch, indices: indices, to: cut)
        backend.linear(cut, weight: weight, bias: bias, to: expected)
        backend.addRows(of: positions, indices: indices, to: expected)
        let y = backend.tensor(filledWith: .nan, images, tokens, width)
        backend.embedPatches(
            input, weight: Weight(values: weight, packed: nil), bias: bias, positions: positions,
            scratch: backend.tensor(filledWith: .nan, scratch.forward), to: y)
        #expect(backend.doubles(y) == backend.doubles(expected))

        let dy = backend.tensor(normals(images * tokens * width, sample: 5), images, tokens, width)
        let gradients = (0..<2).map { _ in
            (backend.tensor(filledWith: 1, width, 4), backend.tensor(filledWith: 1, width))
        }
        backend.linearBackwardWeight(cut, dy: dy, dWeight: gradients[0].0, dBias: gradients[0].1)
        backend.embedPatchesBackward(
            input, dy: dy, weight: Weight(values: weight, packed: nil),
            scratch: backend.tensor(filledWith: .nan, scratch.backward), dWeight: gradients[1].0,
            dBias: gradients[1].1)
        #expect(relativeError(backend.doubles(gradients[1].0), backend.doubles(gradients[0].0)) <= 1e-13)
        #expect(relativeError(backend.doubles(gradients[1].1), backend.doubles(gradients[0].1)) <= 1e-13)
    }
}
