import ExperimentSpec
import Foundation
import FoundationXML
import RunStore
import Testing

@testable import Analysis

/// Figures for papers, from results in memory.
@Suite struct FigureTests {
    private static let arms = ["a.x", "a.y", "b.x", "b.y"]
    private static let factors = [
        Factor(
            name: "first", levels: ["a", "b"],
            levelOfArm: arms.map { .init(arm: $0, level: String($0.prefix(1))) }),
        Factor(
            name: "second", levels: ["x", "y"],
            levelOfArm: arms.map { .init(arm: $0, level: String($0.suffix(1))) }),
    ]

    /// Four arms on two axes; the accuracy of arm i at seed s is 0.6 + 0.01 i + 0.002 s (1 + i).
    private func input(
        seeds: Int = 3, baseline: String = "a.x", factors: [Factor] = factors, hasSpectra: Bool = true,
        status: RunStatus = .done, metrics: [String] = ["knn_20"]
    ) throws -> ReportInput {
        var (outcomes, runs): ([RunOutcome], [ReportInput.Run]) = ([], [])
        for (index, arm) in Self.arms.enumerated() {
            for seed in 0..<seeds {
                let knn = 0.6 + 0.01 * Double(index) + 0.002 * Double(seed * (1 + index))
                var outcome = ExperimentFixture.run(arm, seed: seed, knn: knn)
                if status != .done { outcome = RunOutcome(arm: arm, seed: seed, status: status) }
                outcomes.append(outcome)
                let state = RunState(status: status, totalSteps: 100, host: "h", startedAt: .now, updatedAt: .now)
                let table = MetricTable(
                    columns: [
                        ("step", [0, 100]), ("knn_20", [0.5, knn]), ("rankme", [8, 24]), ("std_mean", [0.1, 0.3]),
                    ], vectors: hasSpectra ? ["singular_values": [[2, 1, 0.5], [4, 2, 0.004]]] : [:])
                runs.append(
                    ReportInput.Run(
                        arm: arm, seed: seed, state: state,
                        tables: status == .done ? ["evaluation/target": table] : [:]))
            }
        }
        let record = ExperimentRecord(
            name: "trial <1>", question: "", expected: "", baseline: baseline, specPath: "trial.spec", arms: Self.arms,
            runs: [], factors: factors)
        let catalog = MetricCatalog(columns: ExperimentFixture.columns(of: outcomes), encoder: "target")
        let table = ComparisonTable(
            experiment: record.name, question: "", baseline: baseline, arms: Self.arms, runs: outcomes,
            floors: [PixelFloor(dataset: "fashion_mnist", metrics: ["pixel_knn_20": 0.61])],
            metrics: status == .done ? try metrics.map { try catalog.resolve($0, in: "r") } : [], encoder: "target",
            factors: factors)
        return ReportInput(record: record, table: table, runs: runs, program: "0")
    }

    /// Parses, and collects names of elements and all text.
    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [String: Int] = [:]
        var root: [String: String] = [:]
        var text = ""
        var title = ""
        private var path: [String] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            if path.isEmpty { root = attributes }
            path.append(name)
            elements[name, default: 0] += 1
        }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) { path.removeLast() }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if path == ["svg", "title"] { title += string }
            if path.last == "text" { text += string }
        }
    }

    private func read(_ svg: String) throws -> Reader {
        let reader = Reader()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = reader
        try #require(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "") in \(svg.prefix(300))")
        return reader
    }

    @Test(arguments: FigureKind.allCases, FigureWidth.allCases)
    func `Every figure is XML with text, a title, a description and its width in points`(
        kind: FigureKind, width: FigureWidth
    ) throws {
        let svg = try input().figure(kind, width: width, of: "results/trial")
        let reader = try read(svg)
        #expect(reader.root["width"] == (width == .one ? "234pt" : "486pt"))
        let height = try #require(reader.root["height"].flatMap { Double($0.dropLast(2)) })
        #expect(height > 40 && height < 400)
        #expect(reader.root["viewBox"] == "0 0 \(width == .one ? 234 : 486) \(point(height))")
        #expect(reader.root["font-family"]?.hasSuffix("sans-serif") == true)
        #expect(reader.title.hasPrefix("trial <1>: "))
        #expect(reader.elements["desc"] == 1 && reader.elements["script"] == nil && reader.elements["style"] == nil)
        #expect((reader.elements["text"] ?? 0) > 6)
        #expect(!svg.contains("class=") && !svg.contains("var("))
        let names = kind == .effects ? ["b", "y"] : kind == .forest ? ["a.y", "b.y"] : Self.arms
        for name in names { #expect(reader.text.contains(name), "\(name) is not in \(reader.text)") }
    }

    /// Coordinates lie inside the picture, so that nothing is cut off.
    @Test(arguments: FigureKind.allCases, FigureWidth.allCases)
    func `Nothing lies outside`(kind: FigureKind, width: FigureWidth) throws {
        let svg = try input().figure(kind, width: width, of: "results/trial")
        let height = try #require(svg.firstMatch(of: /height="([0-9.]+)pt"/).flatMap { Double($0.output.1) })
        for match in svg.matches(of: #/ (x|x1|x2|cx|y|y1|y2|cy)="(-?[0-9.]+)"/#) {
            let value = try #require(Double(match.output.2))
            let limit = match.output.1.hasPrefix("x") || match.output.1 == "cx" ? width.points : height
            #expect(value >= 0 && value <= limit, "\(match.output.0) of \(limit)")
        }
    }

    @Test func `A forest plot has intervals, the baseline's zero and the floors' differences`() throws {
        let one = try input()
        let chart = try #require(one.table.forest(0, styles: one.styles))
        #expect(chart.rows.map(\.label) == ["a.y", "b.x", "b.y"])
        let row = try #require(chart.rows.first)
        // Differences 1, 1.2, 1.4 points.
        #expect(abs(row.value - 0.012) < 1e-12)
        let half = 4.302_652_7 * 0.002 / 3.0.squareRoot()
        #expect(abs(try #require(row.low) - (0.012 - half)) < 1e-8)
        #expect(abs(try #require(row.high) - (0.012 + half)) < 1e-8)
        #expect(row.numbers == "+1.20 [0.70, 1.70]")
        #expect(chart.hasZero)
        // At initialisation 0.5 against 0.6, 0.602, 0.604; raw pixels 0.61 against their mean.
        #expect(chart.references.map(\.label) == ["at initialisation: −10.20 points", "raw pixels: +0.8 points"])
        #expect(abs(chart.references[0].value + 0.102) < 1e-12 && abs(chart.references[1].value - 0.008) < 1e-12)
    }

    @Test func `Bars show mean, spread, each seed and the floors`() throws {
        let one = try input()
        let chart = try #require(one.table.bars(0, styles: one.styles, isShown: { $0.hasPrefix("a") }))
        #expect(chart.rows.map(\.label) == ["a.x", "a.y"])
        #expect(chart.rows[0].points == [0.6, 0.602, 0.604])
        #expect(abs(chart.rows[0].value - 0.602) < 1e-12)
        #expect(abs(try #require(chart.rows[0].high) - 0.604) < 1e-12)
        #expect(chart.references.map(\.label) == ["at initialisation: 50.0 %", "raw pixels: 61.0 %"])
        #expect(chart.isBars && chart.xLabel == "20-NN accuracy (%)")
    }

    @Test func `Effects stand below the name of their axis`() throws {
        let one = try input()
        let chart = try #require(one.table.effectsChart(0, hue: one.hue(ofFactor:level:)))
        #expect(chart.lines.first == .heading("first (against a)"))
        #expect(chart.rows.map(\.label) == ["b", "y"])
        // b − a: 2 points, and 0.4 more with every seed.
        #expect(abs(chart.rows[0].value - 0.024) < 1e-12)
        #expect(chart.rows[0].paint == .hue(1) && chart.rows[1].paint == .neutral)
    }

    @Test func `Only the arms that were asked for are shown, in the colours that they always have`() throws {
        var one = try input()
        one.only = [GlobPattern("b.*")]
        for kind in FigureKind.allCases where kind != .effects {
            let svg = try one.figure(kind, width: .one, of: "r")
            #expect(!svg.contains(">a.y<") && svg.contains(">b.y<"), "\(kind)")
            #expect(svg.contains(Palette.onWhite[1]) && !svg.contains(Palette.onWhite[0]), "\(kind)")
        }
    }

    @Test func `A spectrum is divided by its largest value`() throws {
        let one = try input()
        let series = one.spectra("evaluation/target")
        #expect(series.count == 4 && series[0].x == [1, 2, 3])
        #expect(series[0].mean == [1, 0.5, 0.001])
    }

    private func failure(_ kind: FigureKind, _ input: ReportInput) -> AnalysisError? {
        do {
            _ = try input.figure(kind, width: .one, of: "results/trial")
            return nil
        } catch { return error as? AnalysisError }
    }

    @Test func `Without the data of a figure there is an error that says what to do`() throws {
        let cases: [(FigureKind, ReportInput, String)] = [
            (.forest, try input(baseline: ""), "has no baseline"),
            (.forest, try input(seeds: 1), "single seed"),
            (.effects, try input(seeds: 1), "single seed"),
            (.effects, try input(factors: []), "fewer than two axes"),
            (.effects, try input(factors: [Self.factors[0]]), "fewer than two axes"),
            (.spectra, try input(hasSpectra: false), "no run holds singular values of the target encoder"),
        ]
        for (kind, input, message) in cases {
            let error = try #require(failure(kind, input), "\(kind): no error")
            #expect(error.code == .unusableResults && error.path == "results/trial", "\(error)")
            #expect(error.message.contains(message) && !error.remedy.isEmpty, "\(error)")
        }
        for kind in FigureKind.allCases {
            #expect(failure(kind, try input(status: .running))?.message.contains("no run is done") == true, "\(kind)")
        }
        // One seed is enough for what has no intervals.
        for kind in [FigureKind.bars, .curves, .spectra, .collapse] {
            #expect(failure(kind, try input(seeds: 1)) == nil, "\(kind)")
        }
    }
}
