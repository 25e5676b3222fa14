import RunStore
import Testing

@testable import Analysis

@Suite struct ComparisonTableTests {
    typealias Fixture = ExperimentFixture

    @Test func `A missing seed makes n smaller and leaves the other pairs`() throws {
        let table = try Fixture.table([
            Fixture.run("ijepa", seed: 0, knn: 0.60), Fixture.run("ijepa", seed: 1, knn: 0.64),
            Fixture.run("vicreg", seed: 0, knn: 0.61),
            RunOutcome(arm: "vicreg", seed: 1, status: .failed, reason: "signal SIGKILL"),
        ])
        let arm = table.arms[1]
        #expect(arm.planned == 2)
        #expect(arm.done == 1)
        #expect(arm.cells[0].statistics?.n == 1)
        #expect(arm.cells[0].difference?.n == 1)
        let difference = try #require(arm.cells[0].difference?.mean)
        #expect(abs(difference - 0.01) <= 1e-12)
        #expect(table.notes == ["vicreg, seed 1: failed – signal SIGKILL."])
        #expect(arm.notes == [1])
    }

    @Test func `The baseline arm has no difference from itself`() throws {
        let table = try Fixture.table([Fixture.run("ijepa", seed: 0, knn: 0.6)])
        #expect(table.arms[0].isBaseline)
        #expect(table.arms[0].cells[0].difference == nil)
    }

    @Test func `A baseline without a finished run is said`() throws {
        let table = try Fixture.table([
            RunOutcome(arm: "ijepa", seed: 0, status: nil), Fixture.run("vicreg", seed: 0, knn: 0.6),
        ])
        #expect(table.arms[1].cells[0].difference == nil)
        #expect(table.notes.contains { $0.contains("baseline arm ijepa has no finished run") })
        #expect(table.notes.contains("ijepa, seed 0: not started."))
    }

    @Test(arguments: [Double.nan, .infinity])
    func `A number that is not finite is left out and named`(broken: Double) throws {
        let table = try Fixture.table([
            Fixture.run("ijepa", seed: 0, knn: 0.6), Fixture.run("ijepa", seed: 1, knn: broken),
        ])
        #expect(table.arms[0].cells[0].statistics?.n == 1)
        #expect(table.arms[0].cells[0].statistics?.mean == 0.6)
        #expect(table.notes == ["ijepa, seed 1: not finite and left out: knn_20."])
    }

    @Test func `What a failed run wrote before it failed does not count`() throws {
        var run = Fixture.run("ijepa", seed: 0, knn: 0.9)
        run.status = .failed
        let table = try Fixture.table([run, Fixture.run("vicreg", seed: 0, knn: 0.6)])
        #expect(table.arms[0].cells[0].statistics == nil)
        #expect(table.arms[0].collapse == nil)
    }

    @Test(arguments: [(seeds: 3, isBold: true), (seeds: 2, isBold: false), (seeds: 1, isBold: false)])
    func `Only three seeds of every arm make a best arm`(seeds: Int, isBold: Bool) throws {
        let runs = (0..<seeds).flatMap { seed in
            [Fixture.run("ijepa", seed: seed, knn: 0.60), Fixture.run("vicreg", seed: seed, knn: 0.65)]
        }
        let table = try Fixture.table(runs, metrics: ["knn_20", "loss", "rankme"])
        #expect(table.arms[1].cells[0].isBest == isBold)
        #expect(!table.arms[0].cells[0].isBest)
        #expect(table.markdown().contains("**") == isBold)
        // Neither a loss nor a rank has a better end.
        for arm in table.arms { #expect(!arm.cells[1].isBest && !arm.cells[2].isBest) }
    }

    @Test func `An arm that lost a seed forbids bold in its column`() throws {
        var runs = (0..<3).flatMap { seed in
            [Fixture.run("ijepa", seed: seed, knn: 0.60), Fixture.run("vicreg", seed: seed, knn: 0.65)]
        }
        runs[0].status = .failed
        let table = try Fixture.table(runs)
        #expect(table.arms.allSatisfy { !$0.cells[0].isBest })
    }

    @Test(arguments: [
        (rankme: 24.0, std: 0.3, label: "no"), (1.4, 0.015, "collapsed 1/1"), (1.4, 0.3, "low rank 1/1"),
        (24, 0.015, "small scale 1/1"), (4.79, 0.3, "low rank 1/1"), (4.81, 0.3, "no"),
        (.nan, 0.3, "non-finite 1/1"),
    ])
    func `The mark says which of rank and scale is low`(rankme: Double, std: Double, label: String) throws {
        let table = try Fixture.table([Fixture.run("ijepa", seed: 0, knn: 0.6, rankme: rankme, stdMean: std)])
        let mark = try #require(table.arms[0].collapse)
        #expect(mark.label == label)
        #expect(table.notes.isEmpty == (label == "no"))
    }

    @Test func `The mark counts runs and carries its evidence`() throws {
        let table = try Fixture.table([
            Fixture.run("ijepa", seed: 0, knn: 0.6),
            Fixture.run("ijepa", seed: 1, knn: 0.6, rankme: 1.4, stdMean: 0.015),
        ])
        #expect(table.arms[0].collapse?.label == "collapsed 1/2")
        #expect(
            table.notes == [
                "ijepa: collapsed 1/2 – seed 1: RankMe 1.4 of 96 (threshold 4.8), feature std 0.015 (threshold 0.02)."
            ])
    }

    @Test func `Without rank or scale nothing is claimed about collapse`() throws {
        var run = Fixture.run("ijepa", seed: 0, knn: 0.6)
        run.tables["evaluation/target"]?["rankme"] = nil
        #expect(try Fixture.table([run]).arms[0].collapse == nil)
    }

    @Test func `Initialisation is one row over seeds where all arms start alike`() throws {
        let table = try Fixture.table([
            Fixture.run("ijepa", seed: 0, knn: 0.6, initialKNN: 0.50),
            Fixture.run("ijepa", seed: 1, knn: 0.6, initialKNN: 0.54),
            Fixture.run("vicreg", seed: 0, knn: 0.6, initialKNN: 0.50),
        ])
        #expect(table.floors.map(\.label) == ["at initialisation"])
        let cell = table.floors[0].cells[0]
        // Seed 0 counts once, though two arms hold it.
        #expect(cell.values.map(\.seed) == [0, 1])
        #expect(cell.statistics?.n == 2)
        #expect(cell.statistics.map { abs($0.mean - 0.52) <= 1e-12 } == true)
    }

    @Test func `Arms with other networks have their own initialisation`() throws {
        let table = try Fixture.table([
            Fixture.run("narrow", seed: 0, knn: 0.6, network: "a", initialKNN: 0.5),
            Fixture.run("wide", seed: 0, knn: 0.6, network: "b", initialKNN: 0.4),
        ])
        #expect(table.floors.map(\.label) == ["at initialisation: narrow", "at initialisation: wide"])
        #expect(table.floors.map { $0.cells[0].statistics?.mean } == [0.5, 0.4])
    }

    @Test func `Raw pixels fill the columns of probes only`() throws {
        let table = try Fixture.mixed()
        let floor = try #require(table.floors.last)
        #expect(floor.kind == .rawPixels)
        #expect(floor.cells.map { $0.statistics?.mean } == [nil, 0.829, nil, nil])
    }

    @Test func `Without any finished run the table still says what happened`() throws {
        let table = ComparisonTable(
            experiment: "demo", question: "", baseline: "ijepa", arms: ["ijepa"],
            runs: [RunOutcome(arm: "ijepa", seed: 0, status: .interrupted, reason: "at step 5 of 100")], floors: [],
            metrics: [], encoder: "target")
        #expect(table.markdown().contains("ijepa, seed 0: interrupted – at step 5 of 100."))
        #expect(table.markdown().contains("0/1 [1]"))
    }
}
