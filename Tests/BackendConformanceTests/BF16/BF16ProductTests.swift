import CKernels
import TensorCore
import Testing

/// Linear maps and normalisations on bfloat16 against their definitions in Double.
///
/// Operands are rounded beforehand, so a product differs from the definition by float32 sums alone (tolerance 1e-5), and
/// what is stored in bfloat16 by half a unit of its eight bits besides (2⁻⁸, tolerance 0.0041).
@Suite struct BF16ProductTests {
    static let exact = 1e-5
    static let stored = 0.0041

    /// Rows, inputs, outputs: less than a tile, more than one, tails in every direction, several parts of a gradient.
    static let shapes = [
        [1, 1, 1], [3, 5, 7], [17, 33, 16], [31, 32, 40], [50, 48, 20], [33, 96, 288], [600, 36, 33], [70, 70, 192],
    ]

    /// A linear map with its operands in every form.
    private struct Map {
        let rows, inputs, outputs: Int
        let x, weight, bias, dy: [Double]
        let narrowX, narrowDY: NarrowRows
        let biasBuffer: HostBuffer<Float>
        let forward, backward: HostBuffer<UInt16>

        init(_ shape: [Int], _ table: CBF16Table) {
            (rows, inputs, outputs) = (shape[0], shape[1], shape[2])
            var draws = Draws(rows)
            x = draws.numbers(rows * inputs)
            weight = draws.numbers(outputs * inputs)
            bias = draws.numbers(outputs)
            dy = draws.numbers(rows * outputs)
            (narrowX, narrowDY) = (NarrowRows(rows, inputs, x), NarrowRows(rows, outputs, dy))
            biasBuffer = bias.floats
            let elements = (inputs + 31) / 32 * 32 * ((outputs + 31) / 32 * 32)
            (forward, backward) = (HostBuffer(count: elements), HostBuffer(count: elements))
            for index in 0..<elements { (forward[index], backward[index]) = (0x7fc0, 0x7fc0) }
            let values = weight.floats
            // In two parts, as a sweep over parameters does.
            let cut = min(outputs, 32)
            table.pack_weight(values.pointer, outputs, inputs, 0, cut, forward.pointer, backward.pointer)
            if cut < outputs {
                table.pack_weight(values.pointer, outputs, inputs, cut, outputs, forward.pointer, backward.pointer)
            }
        }

        /// x Wᵀ, without the bias.
        var plain: [Double] {
            product(
                x, weight, rows: rows, depth: inputs, columns: outputs, aRow: inputs, aDepth: 1, bDepth: 1,
                bColumn: inputs)
        }
        var y: [Double] { plain.enumerated().map { $1 + bias[$0 % outputs] } }
        var dx: [Double] {
            product(
                dy, weight, rows: rows, depth: outputs, columns: inputs, aRow: outputs, aDepth: 1, bDepth: inputs,
                bColumn: 1)
        }
    }

    @Test(arguments: BF16Kernels.all, shapes) func aProductIsStoredAddedOrJoinedToAResidual(
        kernels: BF16Kernels, shape: [Int]
    ) {
        let map = Map(shape, kernels.table)
        var draws = Draws(1)
        let before = draws.numbers(map.rows * map.outputs)
        let residual = draws.numbers(map.rows * map.outputs)
        let (wide, other) = (before.floats, residual.floats)
        var output = CBF16Output()
        (output.bias, output.wide, output.wide_stride) = (
            UnsafePointer(map.biasBuffer.pointer), wide.pointer, map.outputs
        )
        (output.residual, output.residual_stride) = (UnsafePointer(other.pointer), map.outputs)
        for (finish, base) in [(CBF16Finish.residual, residual), (.store, nil)] {
            output.finish = finish
            run(map, output, kernels)
            let truth = zip(map.y, base ?? before.map { _ in 0 }).map { $0 + $1 }
            #expect(largestError(wide.array.map { Double($0) }, truth) < Self.exact)
        }
        output.finish = .accumulate
        run(map, output, kernels)
        #expect(largestError(wide.array.map { Double($0) }, zip(map.y, map.plain).map { $0 + $1 }) < Self.exact)
    }

    private func run(_ map: Map, _ output: CBF16Output, _ kernels: BF16Kernels) {
        kernels.table.product(
            map.narrowX.pointer, map.narrowX.stride, map.forward.pointer, map.rows, map.inputs, map.outputs, output)
    }

    @Test(arguments: BF16Kernels.all, shapes) func narrowResultsAreRoundedAndPadded(
        kernels: BF16Kernels, shape: [Int]
    ) {
        let map = Map(shape, kernels.table)
        let (pre, activated) = (NarrowRows(map.rows, map.outputs), NarrowRows(map.rows, map.outputs))
        var output = CBF16Output()
        (output.bias, output.narrow, output.narrow_stride) = (
            UnsafePointer(map.biasBuffer.pointer), pre.pointer, pre.stride
        )
        (output.activated, output.activated_stride) = (activated.pointer, activated.stride)
        output.finish = .narrow
        run(map, output, kernels)
        #expect(largestError(pre.values, map.y, floor: 0.01) < Self.stored && pre.isPadded)
        output.finish = .GELU
        run(map, output, kernels)
        #expect(largestError(pre.values, map.y, floor: 0.01) < Self.stored && pre.isPadded)
        let truth = pre.values.map { $0 * normalDistribution($0) }
        #expect(largestError(activated.values, truth, floor: 0.1) < Self.stored && activated.isPadded)
    }

    @Test(arguments: BF16Kernels.all, shapes) func theGradientGoesBackThroughTheMapAndGELU(
        kernels: BF16Kernels, shape: [Int]
    ) {
        let map = Map(shape, kernels.table)
        var draws = Draws(2)
        let pre = draws.numbers(map.rows * map.inputs, scale: 6)
        // The result takes the place of pre, as in a backward pass.
        let (narrow, activated) = (NarrowRows(map.rows, map.inputs, pre), NarrowRows(map.rows, map.inputs))
        var output = CBF16Output()
        output.finish = .geluBackward
        (output.pre, output.pre_stride) = (UnsafePointer(narrow.pointer), narrow.stride)
        (output.narrow, output.narrow_stride) = (narrow.pointer, narrow.stride)
        (output.activated, output.activated_stride) = (activated.pointer, activated.stride)
        kernels.table.product(
            map.narrowDY.pointer, map.narrowDY.stride, map.backward.pointer, map.rows, map.outputs, map.inputs, output)
        let dx = map.dx
        let truth = zip(dx, pre).map { $0 * geluSlope($1) }
        // The slope of GELU has an absolute error of 1e-4.
        let found = narrow.values
        let isClose = truth.indices.allSatisfy { index in
            let bound = Self.stored * max(abs(truth[index]), 0.1) + 1.2e-4 * abs(dx[index])
            return abs(found[index] - truth[index]) <= bound
        }
        #expect(isClose && narrow.isPadded)
        let values = pre.map { $0 * normalDistribution($0) }
        #expect(largestError(activated.values, values, floor: 0.1) < Self.stored && activated.isPadded)
    }

    @Test(arguments: BF16Kernels.all, shapes) func theWeightGradientIsAddedUp(kernels: BF16Kernels, shape: [Int]) {
        let map = Map(shape, kernels.table)
        var draws = Draws(3)
        let (before, beforeBias) = (draws.numbers(map.outputs * map.inputs), draws.numbers(map.outputs))
        let (dWeight, dBias) = (before.floats, beforeBias.floats)
        let scratch = HostBuffer<UInt16>(count: kernels.table.weight_gradient_scratch(map.outputs, map.inputs))
        kernels.table.weight_gradient(
            map.narrowX.pointer, map.narrowX.stride, map.narrowDY.pointer, map.narrowDY.stride, map.rows, map.outputs,
            map.inputs, dWeight.pointer, dBias.pointer, scratch.pointer)
        let sums = product(
            map.dy, map.x, rows: map.outputs, depth: map.rows, columns: map.inputs, aRow: 1, aDepth: map.outputs,
            bDepth: map.inputs, bColumn: 1)
        let ones = [Double](repeating: 1, count: map.rows)
        let biasSums = product(
            ones, map.dy, rows: 1, depth: map.rows, columns: map.outputs, aRow: 0, aDepth: 1, bDepth: map.outputs,
            bColumn: 1)
        #expect(largestError(dWeight.array.map { Double($0) }, zip(sums, before).map { $0 + $1 }) < Self.exact)
        #expect(largestError(dBias.array.map { Double($0) }, zip(biasSums, beforeBias).map { $0 + $1 }) < Self.exact)
    }

    // MARK: Rows

    @Test(arguments: BF16Kernels.all, [[1, 7], [5, 48], [9, 96], [6, 130]]) func rowsAreNormalised(
        kernels: BF16Kernels, shape: [Int]
    ) {
        let (rows, columns) = (shape[0], shape[1])
        var draws = Draws(4)
        let (x, gamma, beta) = (draws.numbers(rows * columns, scale: 3), draws.numbers(columns), draws.numbers(columns))
        let (dy, before) = (draws.numbers(rows * columns), draws.numbers(rows * columns))
        let rstd = HostBuffer<Float>(count: rows)
        let (y, again) = (NarrowRows(rows, columns), NarrowRows(rows, columns))
        let (kept, unkept) = (NarrowRows(rows, columns), NarrowRows(rows, columns))
        let (input, scales, shifts) = (x.floats, gamma.floats, beta.floats)
        kernels.table.layer_norm(
            input.pointer, rows, columns, scales.pointer, shifts.pointer, 1e-6, rstd.pointer, kept.pointer, y.pointer,
            y.stride)
        kernels.table.layer_norm(
            input.pointer, rows, columns, scales.pointer, shifts.pointer, 1e-6, rstd.pointer, nil, unkept.pointer,
            unkept.stride)
        kernels.table.scale_normal(
            kept.pointer, rows, columns, scales.pointer, shifts.pointer, again.pointer, again.stride)
        let (dx, dGamma, dBeta) = (before.floats, gamma.floats, beta.floats)
        let (narrowDY, narrowDX) = (NarrowRows(rows, columns, dy), NarrowRows(rows, columns))
        kernels.table.layer_norm_backward(
            kept.pointer, rows, columns, scales.pointer, rstd.pointer, narrowDY.pointer, dx.pointer, dGamma.pointer,
            dBeta.pointer, narrowDX.pointer, narrowDX.stride)

        var (truth, keptTruth, againTruth, dTruth) = ([Double](), [Double](), [Double](), [Double]())
        var (gammaTruth, betaTruth) = (gamma, beta)
        for row in 0..<rows {
            let values = Array(x[(row * columns)..<((row + 1) * columns)])
            let average = values.reduce(0, +) / Double(columns)
            let variance = values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(columns)
            let factor = 1 / (variance + 1e-6).squareRoot()
            let exact = values.map { ($0 - average) * factor }
            // The gradient is that of the rows as they were kept.
            let normal = (0..<columns).map { widened(kept[row, $0]) }
            let scaled = (0..<columns).map { dy[row * columns + $0] * gamma[$0] }
            let plain = scaled.reduce(0, +) / Double(columns)
            let weighted = zip(scaled, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
            for j in 0..<columns {
                truth.append(exact[j] * gamma[j] + beta[j])
                keptTruth.append(exact[j])
                againTruth.append(normal[j] * gamma[j] + beta[j])
                dTruth.append(before[row * columns + j] + (scaled[j] - plain - normal[j] * weighted) * factor)
                gammaTruth[j] += dy[row * columns + j] * normal[j]
                betaTruth[j] += dy[row * columns + j]
            }
        }
        #expect(largestError(y.values, truth, floor: 0.1) < Self.stored && y.isPadded)
        #expect(unkept.values == y.values && unkept.isPadded)
        #expect(largestError(kept.values, keptTruth, floor: 0.1) < Self.stored && kept.isPadded)
        #expect(largestError(again.values, againTruth, floor: 0.1) < Self.stored && again.isPadded)
        #expect(largestError(dx.array.map { Double($0) }, dTruth) < Self.exact)
        #expect(largestError(narrowDX.values, dTruth, floor: 0.1) < Self.stored && narrowDX.isPadded)
        #expect(largestError(dGamma.array.map { Double($0) }, gammaTruth) < Self.exact)
        #expect(largestError(dBeta.array.map { Double($0) }, betaTruth) < Self.exact)
    }

    @Test(arguments: BF16Kernels.all) func numbersAreRoundedToNearestEvenAndNaNStays(kernels: BF16Kernels) {
        // Ties go to the even neighbour, carries go into the exponent, and beyond the largest is infinity.
        let cases: [(Float, UInt16)] = [
            (1, 0x3f80), (Float(bitPattern: 0x3f80_8000), 0x3f80), (Float(bitPattern: 0x3f81_8000), 0x3f82),
            (Float(bitPattern: 0x3f80_8001), 0x3f81), (Float(bitPattern: 0x3fff_ffff), 0x4000), (-2.5, 0xc020),
            (.greatestFiniteMagnitude, 0x7f80), (-.infinity, 0xff80), (0, 0), (-0.0, 0x8000),
        ]
        let input = HostBuffer(cases.map(\.0) + [.nan, Float(bitPattern: 0x7f80_0001)])
        let output = NarrowRows(1, input.count)
        kernels.table.narrow(input.pointer, 1, input.count, input.count, output.pointer, output.stride)
        for (index, expected) in cases.map(\.1).enumerated() { #expect(output[0, index] == expected) }
        #expect(output.values.suffix(2).allSatisfy(\.isNaN) && output.isPadded)
        let back = HostBuffer([Float](repeating: 1, count: input.count))
        kernels.table.widen(output.pointer, 1, input.count, output.stride, back.pointer, input.count, 1)
        #expect(Array(back.array.prefix(10)) == cases.map { Float(widened($0.1)) + 1 })
    }

    @Test(arguments: BF16Kernels.all) func aNaNReachesEveryResultThatDependsOnIt(kernels: BF16Kernels) {
        let map = Map([40, 64, 64], kernels.table)
        map.narrowX[35, 3] = 0x7fc0
        let (pre, activated) = (NarrowRows(40, 64), NarrowRows(40, 64))
        var output = CBF16Output()
        (output.finish, output.narrow, output.narrow_stride) = (.GELU, pre.pointer, pre.stride)
        (output.activated, output.activated_stride) = (activated.pointer, activated.stride)
        run(map, output, kernels)
        for values in [pre.values, activated.values] {
            for row in 0..<40 {
                let part = values[(row * 64)..<((row + 1) * 64)]
                #expect(part.allSatisfy { $0.isNaN == (row == 35) })
            }
        }
    }
}
