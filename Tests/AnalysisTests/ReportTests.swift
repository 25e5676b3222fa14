import Foundation
import RunStore
import Testing

@testable import Analysis

@Suite struct ReportTests {
    private func steps(_ values: [Double]) -> MetricTable {
        MetricTable(columns: [
            ("step", values.indices.map { Double($0 + 1) }), ("loss", values),
            ("images_per_second", values.map { _ in 100 }), ("step_seconds", values.map { _ in 0.5 }),
        ])
    }

    private func input(arms: [String], runs: [ReportInput.Run], question: String = "Does it help?") throws
        -> ReportInput
    {
        let record = ExperimentRecord(
            name: "trial", question: question, expected: "", baseline: arms[0], specPath: "trial.spec", arms: arms,
            runs: runs.map {
                .init(
                    arm: $0.arm, seed: $0.seed, directoryName: "\($0.arm)-s\($0.seed)", configurationHash: "0",
                    differences: ["objective.vicreg.weight": "0.1"])
            })
        let table = try ExperimentFixture.table([ExperimentFixture.run(arms[0], seed: 0, knn: 0.6)])
        return ReportInput(record: record, table: table, runs: runs, program: "0")
    }

    private func done(_ arm: String, seed: Int, loss: [Double]) -> ReportInput.Run {
        let state = RunState(status: .done, totalSteps: 3, host: "h", startedAt: .now, updatedAt: .now)
        return ReportInput.Run(arm: arm, seed: seed, state: state, tables: ["steps": steps(loss)])
    }

    @Test func `Waiting for images is in the costs, with what makes it shorter`() throws {
        func waiting(_ waits: [Double]) -> ReportInput.Run {
            var run = done("a", seed: 0, loss: [1, 2])
            run.tables["steps"] = MetricTable(columns: [
                ("step", [1, 2]), ("loss", [1, 2]), ("step_seconds", [40, 40]), ("loader_wait_seconds", waits),
            ])
            return run
        }
        let slow = try input(arms: ["a"], runs: [waiting([10, 10])]).costSection()
        #expect(slow.contains("<td data-value=\"25\">25</td>"), "\(slow)")
        #expect(slow.contains("Steps waited up to 25 % of their time for images.") && slow.contains("data pack"))
        let fast = try input(arms: ["a"], runs: [waiting([1, 1])]).costSection()
        #expect(fast.contains("<td data-value=\"2.5\">") && !fast.contains("Steps waited"), "\(fast)")
    }

    @Test func `Text from a spec cannot become markup`() throws {
        let page = try input(
            arms: ["<b>\"x\"&"], runs: [done("<b>\"x\"&", seed: 0, loss: [1, 2])], question: "</script><script>bad()"
        ).html()
        #expect(!page.contains("<script>bad()"))
        #expect(page.contains("&lt;/script&gt;&lt;script&gt;bad()"))
        #expect(page.contains("&lt;b&gt;&quot;x&quot;&amp;"))
        #expect(page.contains("\\u003cb\\u003e\\\"x\\\"\\u0026"))
    }

    @Test func `The page loads nothing from elsewhere`() throws {
        let page = try input(arms: ["a"], runs: [done("a", seed: 0, loss: [1, 2, 3])]).html()
        #expect(!page.contains("http"))
        #expect(!page.contains("@import"))
        #expect(page.components(separatedBy: "<figure class=\"chart\">").count == 2)
    }

    @Test func `Runs that are not done are listed with reason and log`() throws {
        let state = RunState(
            status: .failed, step: 7, totalSteps: 9, host: "h", startedAt: .now, updatedAt: .now,
            exitReason: "non-finite loss at step 7")
        let runs = [
            done("a", seed: 0, loss: [1]), ReportInput.Run(arm: "b", seed: 0, state: state, logTail: ["last <words>"]),
            ReportInput.Run(arm: "b", seed: 1),
        ]
        let page = try input(arms: ["a", "b"], runs: runs).html()
        #expect(page.contains("b, seed 0: failed"))
        #expect(page.contains("non-finite loss at step 7"))
        #expect(page.contains("last &lt;words&gt;"))
        #expect(page.contains("b, seed 1: not started"))
        #expect(!(try input(arms: ["a"], runs: [runs[0]]).html().contains("Runs that are not done")))
    }

    @Test func `Seeds are brought together step by step, and what is not finite is left out`() throws {
        let series = try #require(
            ChartSeries(arm: 0, label: "a", seeds: [([1, 2, 3], [1, .nan, 3]), ([1, 2], [3, 5])]))
        #expect(series.x == [1, 2, 3])
        #expect(series.mean == [2, 5, 3])
        #expect(series.low == [1, 5, 3])
        #expect(series.high == [3, 5, 3])
        #expect(ChartSeries(arm: 0, label: "a", seeds: [([1], [.nan])]) == nil)
    }

    @Test func `A long series is thinned to means of stretches that keep its mean and its end`() {
        let x = (1...1000).map(Double.init)
        let thin = ChartSeries.thinned(x: x, y: x)
        #expect(thin.x.count == ChartSeries.mostPoints)
        #expect(thin.x.last == 1000)
        #expect(abs(thin.y.reduce(0, +) / Double(thin.y.count) - 500.5) < 1e-9)
    }

    @Test(arguments: [
        ([0.0, 1.0], false), ([3.0, 3.0], false), ([-5e-9, 7e-9], false), ([1e-12, 1.0], true), ([2.0, 3.0], true),
        ([5.0, 5.0], true),
    ])
    func `Ticks lie inside the axis and rise`(values: [Double], isLog: Bool) throws {
        let axis = try #require(Axis(values: values, isLog: isLog))
        let ticks = axis.ticks
        #expect(ticks.count >= 2 && ticks.count <= 12)
        for (a, b) in zip(ticks, ticks.dropFirst()) { #expect(a.value < b.value) }
        for tick in ticks {
            #expect(tick.value >= axis.low * (1 - 1e-9) - 1e-18 && tick.value <= axis.high * (1 + 1e-9) + 1e-18)
        }
        #expect(Axis(values: [.nan], isLog: isLog) == nil)
    }

    /// Half of the smallest number that there is, and twice the largest, have no logarithm.
    @Test(arguments: [.leastNonzeroMagnitude, .leastNormalMagnitude, 1e300, .greatestFiniteMagnitude, .infinity])
    func `Numbers at the ends of what there is are not drawn`(value: Double) throws {
        #expect(Axis(values: [value, value], isLog: true) == nil)
        let axis = try #require(Axis(values: [value, 1, 3], isLog: true))
        #expect(axis.low == 1 && axis.high == 3 && !axis.ticks.isEmpty)
        let linear = try #require(Axis(values: [value, -value, 1], isLog: false))
        #expect(linear.low.isFinite && linear.high.isFinite && !linear.ticks.isEmpty)
    }

    @Test(arguments: [1, 32, 100, 101, 384, 1024])
    func `A long spectrum keeps its head, its end and the order`(count: Int) {
        let places = ChartSeries.places(of: count)
        #expect(places.first == 0 && places.last == count - 1)
        #expect(places.count <= 100 && places.count >= min(count, 100))
        #expect(Array(places.prefix(32)) == Array(0..<min(count, 32)))
        for (a, b) in zip(places, places.dropFirst()) { #expect(a < b) }
    }

    // MARK: Verdicts and diagnostics

    private func judged(_ arm: String, seed: Int, _ rows: [(Int, [String])]) -> ReportInput.Run {
        let names = StoredVerdict.knownFindings
        let table = MetricTable(
            columns: [("step", rows.map { Double($0.0) })]
                + names.map { name in (name, rows.map { $0.1.contains(name) ? 1 : 0 }) })
        let last = rows.last!
        var run = done(arm, seed: seed, loss: [1])
        run.tables["verdict"] = table
        run.verdict = StoredVerdict(
            verdict: last.1.isEmpty ? "healthy" : last.1.joined(separator: ", "), step: last.0,
            findings: last.1.map { .init(name: $0, onsetStep: 40, evidence: "target: rankme 1.4 < 2") },
            thresholds: ["directions": 2])
        return run
    }

    @Test func `Verdicts are counted over seeds and shown with onset, evidence, threshold and course`() throws {
        let runs = [
            judged("a", seed: 0, [(0, []), (20, []), (40, [])]), judged("a", seed: 1, [(0, []), (40, [])]),
            judged("b", seed: 0, [(0, []), (20, ["predictor_shortcut"]), (40, ["complete_collapse"])]),
            judged("b", seed: 1, [(0, []), (40, ["complete_collapse", "inert_regulariser"])]),
            done("b", seed: 2, loss: [1]),
        ]
        let page = try input(arms: ["a", "b"], runs: runs).html()
        #expect(page.contains("Without a verdict: 1 of 5 runs."))
        #expect(page.contains("<li><b>predictor shortcut</b>: the prediction loss fell, but"))
        let arms = try #require(page.firstMatch(of: /(?s)id="verdicts-arms">(.*?)<\/table>/)?.output.1)
        let cells = arms.matches(of: /<t[dh](?: [^>]*)?>(.*?)<\/t[dh]>/).map { String($0.output.1) }
        #expect(
            cells == [
                "arm", "seeds judged", "at step", "healthy", "complete collapse", "inert regulariser",
                "a", "2", "40", "2/2", "–", "–", "b", "2", "40", "–", "2/2", "1/2",
            ])
        #expect(page.contains("<td>40</td><td class=\"text\">target: rankme 1.4 &lt; 2</td>"))
        #expect(page.contains("0 healthy; 20 predictor shortcut; 40 complete collapse"))
        #expect(page.contains("0–40 healthy"))
        #expect(page.contains("<title>a, seed 0, step 0 to 40: healthy</title>"))
        #expect(page.contains("Thresholds: directions 2."))
        #expect(!(try input(arms: ["a"], runs: [done("a", seed: 0, loss: [1])]).html().contains("Verdicts")))
    }

    @Test func `Diagnostics and gradients of every source are drawn, and none twice`() throws {
        var run = done("a", seed: 0, loss: [1])
        let steps = ("step", [0.0, 10])
        run.tables["evaluation/target"] = MetricTable(columns: [steps, ("knn_20", [0.5, 0.6]), ("rankme", [8, 9])])
        run.tables["gradients"] = MetricTable(columns: [
            steps, ("prediction_encoder", [2, 4]), ("regulariser_encoder", [1, 1]),
        ])
        let alone = try input(arms: ["a"], runs: [run]).html()
        #expect(alone.contains("<b>RankMe</b>") && !alone.contains("Diagnostics</h2>"))
        let ratio = try #require(alone.firstMatch(of: /(?s)<b>VICReg over prediction<\/b>.*?"y":\[(.*?)\]/)?.output.1)
        #expect(ratio == "0.5,0.25")
        for source in ["target", "context", "predictions"] {
            for view in ["images", "patches", "within"] {
                run.tables["diagnostics/\(source)/\(view)"] = MetricTable(
                    columns: [steps, ("rankme", [8, 9])], vectors: ["singular_values": [[3, 1], [4, 1]]])
            }
        }
        let page = try input(arms: ["a"], runs: [run]).html()
        #expect(page.components(separatedBy: "<b>RankMe</b>").count - 1 == 9)
        // That of the evaluated encoder stands further up.
        #expect(page.components(separatedBy: "<b>Singular spectrum</b>").count - 1 == 8)
        #expect(page.components(separatedBy: "<b>Target encoder</b>").count - 1 == 1)
        #expect(page.contains("<b>20-NN</b>"))
        #expect(page.contains("\"y\":[1,0.25]"))
    }

    @Test func `Every heading can be reached from the top`() throws {
        let page = try input(arms: ["a"], runs: [done("a", seed: 0, loss: [1])]).html()
        let links = page.matches(of: /<a href="#(s\d+)">(.*?)<\/a>/).map { "\($0.output.1) \($0.output.2)" }
        let headings = page.matches(of: /<h2 id="(s\d+)">(.*?)<\/h2>/).map { "\($0.output.1) \($0.output.2)" }
        #expect(links == headings && headings.count >= 4, "\(links)")
    }

    // MARK: The map

    private func embeddings(_ rows: [[Float]]) -> EmbeddingSet {
        EmbeddingSet(
            features: rows.flatMap { $0 }, width: rows[0].count, labels: rows.indices.map { Int32($0 % 2) },
            indices: rows.indices.map(Int32.init), labelNames: nil, experiment: "e", run: "r", encoder: "target",
            step: 1)
    }

    @Test func `Points in a plane of a wide space keep their distances on the map`() throws {
        // Two orthogonal directions of length 1 in eight dimensions, and a mean that must not matter.
        let u: [Double] = [1, 1, 0, 0, 0, 0, 0, 0].map { $0 / 2.0.squareRoot() }
        let v: [Double] = [0, 0, 0, 2, -1, 0, 0, 2].map { $0 / 3 }
        let places = (0..<40).map { i in (a: 5 * cos(Double(i) * 0.7), b: 2 * sin(Double(i) * 1.1)) }
        let rows = places.map { place in (0..<8).map { Float(9 + place.a * u[$0] + place.b * v[$0]) } }
        let map = EmbeddingMap(embeddings(rows), arm: "a", seed: 0)
        #expect(abs(map.shares.reduce(0, +) - 1) < 1e-6)
        #expect(map.shares[0] > map.shares[1])
        for (i, j) in [(0, 1), (3, 17), (20, 39)] {
            let wanted = hypot(places[i].a - places[j].a, places[i].b - places[j].b)
            let found = hypot(map.points[i].x - map.points[j].x, map.points[i].y - map.points[j].y)
            #expect(abs(found - wanted) < 1e-4)
        }
    }

    @Test func `Collapsed, single-column and broken features give a map all the same`() {
        let constant = EmbeddingMap(embeddings(Array(repeating: [1, 2, 3], count: 5)), arm: "a", seed: 0)
        #expect(constant.points.allSatisfy { $0.x == 0 && $0.y == 0 })
        #expect(constant.shares == [0, 0])
        let line = EmbeddingMap(embeddings([[1], [2], [4]]), arm: "a", seed: 0)
        #expect(line.shares.count == 1 && abs(line.shares[0] - 1) < 1e-12)
        let broken = EmbeddingMap(embeddings([[1, .nan], [2, 1], [4, 0]]), arm: "a", seed: 0)
        #expect(broken.points.count == 2)
    }
}
