import RunStore
import Testing

@testable import Analysis

/// Choosing and sorting the arms of a table.
@Suite struct ArrangingTests {
    private func table() throws -> ComparisonTable {
        var failed = RunOutcome(arm: "lost", seed: 0, status: .failed)
        failed.reason = "no memory"
        let means: [(String, Double)] = [("ijepa", 0.60), ("b.up", 0.62), ("c.down", 0.58), ("a.up", 0.63)]
        var runs: [RunOutcome] = []
        for (arm, mean) in means {
            let slope: Double = arm == "ijepa" ? 0.001 : 0.002
            for seed in 0..<3 {
                runs.append(ExperimentFixture.run(arm, seed: seed, knn: mean + slope * Double(seed * seed)))
            }
        }
        let broken = ExperimentFixture.run("c.down", seed: 3, knn: .nan)
        return try ExperimentFixture.table(
            runs + [broken, failed], arms: ["ijepa", "lost", "b.up", "c.down", "a.up"],
            floors: [PixelFloor(dataset: "d", metrics: ["pixel_knn_20": 0.5])])
    }

    @Test func `Only keeps what matches, the baseline and the floors, and changes no number`() throws {
        let whole = try table()
        let some = try whole.keeping(["*.up"])
        #expect(some.arms.map(\.label) == ["ijepa", "b.up", "a.up"])
        #expect(some.floors == whole.floors)
        for row in some.arms {
            let before = try #require(whole.arms.first { $0.label == row.label })
            #expect(row.cells == before.cells)
        }
        #expect(some.curves.allSatisfy { $0.series.allSatisfy { $0.curves.map(\.arm) == ["ijepa", "b.up", "a.up"] } })
        #expect(some.bestSteps[0].arms.map(\.arm) == ["ijepa", "b.up", "a.up"])
        #expect(try whole.keeping(["a*", "?.down"]).arms.map(\.label) == ["ijepa", "c.down", "a.up"])
    }

    @Test func `Notes go with their arms and are numbered anew`() throws {
        let whole = try table()
        #expect(whole.notes.count == 2 && whole.arms.map(\.notes) == [[], [1], [], [2], []])
        let down = try whole.keeping(["c.down"])
        #expect(down.notes == [whole.notes[1]] && down.arms.map(\.notes) == [[], [1]])
        let sorted = whole.sorted(by: try #require(TableOrder("arm")), metric: nil)
        #expect(sorted.arms.map(\.label) == ["a.up", "b.up", "c.down", "ijepa", "lost"])
        #expect(
            sorted.notes == [whole.notes[1], whole.notes[0]] && sorted.arms.map(\.notes) == [[], [], [1], [], [2]])
    }

    @Test(arguments: [
        ("metric", ["c.down", "ijepa", "b.up", "a.up", "lost"]),
        ("-metric", ["a.up", "b.up", "ijepa", "c.down", "lost"]),
        ("difference", ["c.down", "ijepa", "b.up", "a.up", "lost"]),
        ("rank", ["a.up", "b.up", "ijepa", "c.down", "lost"]),
        ("-rank", ["c.down", "ijepa", "b.up", "a.up", "lost"]), ("-arm", ["lost", "ijepa", "c.down", "b.up", "a.up"]),
    ])
    func `Arms without a number come last in either direction`(key: String, arms: [String]) throws {
        let order = try #require(TableOrder(key))
        #expect(try table().sorted(by: order, metric: nil).arms.map(\.label) == arms)
    }

    @Test func `Unknown keys and patterns are answered with the nearest`() throws {
        #expect(TableOrder("ranks") == nil && TableOrder.nearest(to: "-ranks") == "-rank")
        #expect {
            _ = try table().keeping(["b.upp"])
        } throws: { error in
            (error as? AnalysisError)?.code == .unknownName && "\(error)".contains("Did you mean “b.up”?")
        }
    }

    @Test(arguments: [
        ("x.md", TableFormat.markdown), ("a/b.tex", .latex), ("x.CSV", .csv), ("x.json", .json), ("x.txt", .text),
        ("table", .markdown), ("a.csv/table", .markdown), ("x.html", .markdown), ("csv", .markdown),
    ])
    func `The end of a file's name says its format`(file: String, format: TableFormat) {
        #expect(TableFormat(ofFile: file) == format)
    }
}
