import Networks
import PretrainedWeights
import Testing

@Suite struct PositionGridTests {
    private static func table(_ rows: Int, _ columns: Int, width: Int = 8) -> PositionGrid {
        let values = PositionEmbedding.table(width: width, rows: rows, columns: columns).map { Float($0) }
        return PositionGrid(rows: rows, columns: columns, width: width, values: values)
    }

    @Test func theSineCosineTableIsComputedForAnotherGrid() {
        let table = Self.table(4, 4)
        #expect(table.isSineCosine)
        #expect(table.fitted(rows: 6, columns: 3) == Self.table(6, 3))
    }

    @Test func positionsOfTheSameGridAreLeftAlone() {
        let grid = PositionGrid(rows: 2, columns: 2, width: 1, values: [0.1, 0.2, 0.3, 0.7])
        #expect(!grid.isSineCosine)
        #expect(grid.fitted(rows: 2, columns: 2) == grid)
    }

    @Test func aConstantStaysAConstant() {
        let grid = PositionGrid(rows: 3, columns: 5, width: 2, values: [Float](repeating: 0.25, count: 30))
        for (rows, columns) in [(7, 2), (2, 9), (1, 1), (3, 6)] {
            let values = grid.resampled(rows: rows, columns: columns).values
            #expect(values.count == rows * columns * 2)
            #expect(values.allSatisfy { abs($0 - 0.25) < 1e-6 })
        }
    }
}
