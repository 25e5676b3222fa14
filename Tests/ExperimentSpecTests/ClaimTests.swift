import Declarations
import ExperimentSpec
import Testing

/// `expect:` in a spec: what is read, and what is refused with which words.
@Suite struct ClaimTests {
    private static let matrix = """
        matrix:
          axes:
            - name: objective
              variants:
                ijepa: {objective.vicreg.weight: 0}
                cjepa: {objective.vicreg.weight: 0.001}
            - name: target
              variants:
                ema: {target_encoder.kind: ema}
                shared: {target_encoder.kind: shared_stop_gradient}
        baseline: ijepa.ema

        """

    private func read(_ expect: String) throws -> Experiment { try load(Self.matrix + "expect:\n" + expect) }

    private func refused(
        _ expect: String, lookup: Claim.MetricLookup = { _, _, _ in .unchecked }
    ) throws -> [SpecError] {
        let folder = try SpecFolder()
        let path = try folder.write(smallSpec + Self.matrix + "expect:\n" + expect)
        do {
            _ = try Experiment.load(path: path, metricLookup: lookup, fileExists: { _ in true })
            Issue.record("accepted: \(expect)")
            return []
        } catch {
            return error.errors
        }
    }

    @Test func `claims are read with their arms, bounds and sources`() throws {
        let experiment = try read(
            """
              - {arm: cjepa.ema, minus: ijepa.ema, metric: linear, at_least: 0.5, unit: points, source: table 13}
              - {arm: [ijepa.shared, cjepa.shared], collapses: true, encoder: context}
              - {arm: cjepa.ema, metric: rankme, at_least: 10, at_most: 30, sd: 1.5}
            """)
        #expect(
            experiment.expectations == [
                Claim(
                    arm: "cjepa.ema", minus: "ijepa.ema", metric: "linear", atLeast: 0.5, unit: .points,
                    source: "table 13"),
                Claim(arm: "ijepa.shared", encoder: .context, collapses: true),
                Claim(arm: "cjepa.shared", encoder: .context, collapses: true),
                Claim(arm: "cjepa.ema", metric: "rankme", atLeast: 10, atMost: 30, sd: 1.5),
            ])
        #expect(
            experiment.expectations.map { $0.text(naming: $0.encoder) } == [
                "cjepa.ema − ijepa.ema in linear ≥ 0.5 points", "ijepa.shared collapses (context encoder)",
                "cjepa.shared collapses (context encoder)", "cjepa.ema in rankme ≥ 10 and ≤ 30",
            ])
    }

    @Test(arguments: [
        ("  - {arm: cjepa.eam, collapses: true}", "expect.arm", "there is no arm 'cjepa.eam'", "cjepa.ema"),
        ("  - {arm: cjepa.ema, minus: ijepa.em, metric: linear, at_least: 0}", "expect.minus", "no arm", "ijepa.ema"),
        ("  - {arm: cjepa.ema, metrics: linear, at_least: 0}", "expect.metrics", "unknown key", "metric"),
        ("  - {arm: cjepa.ema, metric: linear}", "expect", "a bound is missing", nil),
        ("  - {arm: cjepa.ema}", "expect", "either 'metric' with bounds, or 'collapses'", nil),
        ("  - {arm: cjepa.ema, metric: linear, collapses: true}", "expect", "either", nil),
        ("  - {metric: linear, at_least: 1}", "expect", "'arm' is missing", nil),
        ("  - {arm: cjepa.ema, minus: cjepa.ema, metric: linear, at_least: 1}", "expect.minus", "with itself", nil),
        ("  - {arm: cjepa.ema, collapses: maybe}", "expect.collapses", "expected true or false", nil),
        ("  - {arm: cjepa.ema, collapses: true, at_least: 1}", "expect.at_least", "no meaning together", nil),
        ("  - {arm: cjepa.ema, metric: linear, at_least: much}", "expect.at_least", "expected a number", nil),
        ("  - {arm: cjepa.ema, metric: linear, at_least: 1, unit: point}", "expect.unit", "expected one of", "points"),
        ("  - {arm: cjepa.ema, metric: linear, at_least: 2, at_most: 1}", "expect.at_least", "is above", nil),
        (
            "  - {arm: cjepa.ema, metric: linear, at_least: 1, sd: 0}", "expect.sd", "standard deviation is above 0",
            nil
        ),
        ("  - {arm: cjepa.ema, collapses: true, sd: 1}", "expect.sd", "no meaning together", nil),
        ("  {arm: cjepa.ema, collapses: true}", "expect", "expected a list", nil),
        ("  - cjepa.ema", "expect", "expected a group of keys", nil),
    ])
    func `what cannot be meant is refused with its place`(
        text: String, keyPath: String, message: String, nearest: String?
    ) throws {
        let errors = try refused(text)
        let error = try #require(errors.first { $0.keyPath == keyPath })
        #expect(error.message.contains(message), "\(error)")
        #expect(error.nearest == nearest)
        #expect(error.line ?? 0 > 15)
    }

    @Test(arguments: [
        (
            Claim(arm: "a", minus: "b", metric: "linear", atLeast: 0.006, unit: .fraction),
            "a − b in linear ≥ 0.6 points"
        ),
        (
            Claim(arm: "a", minus: "b", metric: "linear", atLeast: -1, atMost: 1, unit: .points),
            "a − b in linear ≥ −1 and ≤ 1 points"
        ),
        (Claim(arm: "a", metric: "knn_20", atLeast: 0.57, unit: .fraction), "a in knn_20 ≥ 57 %"),
        (Claim(arm: "a", metric: "knn_20", atLeast: 57, unit: .points), "a in knn_20 ≥ 57 %"),
        (Claim(arm: "a", metric: "linear@gain", atLeast: 0.29, unit: .fraction), "a in linear@gain ≥ 29 points"),
        (Claim(arm: "a", metric: "rankme", atMost: 3), "a in rankme ≤ 3"),
    ])
    func `bounds on accuracies are told in the unit of the tables`(claim: Claim, text: String) {
        #expect(claim.text() == text)
    }

    @Test func `metrics are looked up for the arms that the claim names`() throws {
        let unknown = try refused("  - {arm: cjepa.ema, metric: knn_2, at_least: 1}") {
            metric, encoder, configuration in
            #expect(
                metric == "knn_2" && encoder == .target && configuration.value(of: "objective.vicreg.weight") == 0.001)
            return .unknown(nearest: "knn_20", remedy: "known: knn_20")
        }
        #expect(unknown.map(\.nearest) == ["knn_20"])
        let bare = try refused("  - {arm: cjepa.ema, metric: linear, at_least: 1}") { _, _, _ in .accuracy }
        #expect(bare.first?.remedy?.contains("unit: points") == true)
        let needless = try refused("  - {arm: cjepa.ema, metric: rankme, at_least: 1, unit: points}") { _, _, _ in
            .other
        }
        #expect(needless.first?.message.contains("not an accuracy") == true)
    }

    @Test func `claims are no part of a run's identity and are not inherited`() throws {
        let plain = try load(Self.matrix)
        let claimed = try read("  - {arm: cjepa.ema, collapses: false}")
        #expect(plain.expectations.isEmpty && claimed.expectations.count == 1)
        #expect(plain.runs.map(\.configurationHash) == claimed.runs.map(\.configurationHash))
        let folder = try SpecFolder()
        try folder.write(smallSpec + Self.matrix + "expect: [{arm: cjepa.ema, collapses: false}]\n", "parent.spec")
        let child = try folder.write("inherit: parent.spec\n", "child.spec")
        #expect(try Experiment.load(path: child, fileExists: { _ in true }).expectations.isEmpty)
    }

    @Test func `factors name the level of every arm, zipped axes together`() throws {
        let experiment = try load(Self.matrix)
        #expect(experiment.factors.map(\.name) == ["objective", "target"])
        #expect(experiment.factors.map(\.levels) == [["ijepa", "cjepa"], ["ema", "shared"]])
        #expect(experiment.factors[0].level(of: "cjepa.shared") == "cjepa")
        #expect(experiment.factors[1].level(of: "cjepa.shared") == "shared")
        let zipped = try load(
            """
            matrix:
              axes:
                - {key: model.width, values: [24, 48]}
                - {key: model.heads, values: [3, 6]}
              zip: [[width, heads]]
              include:
                - {arm: alone, set: {model.depth: 3}}
            """)
        #expect(zipped.factors.map(\.name) == ["width+heads"])
        #expect(zipped.factors[0].levels == ["width=24.heads=3", "width=48.heads=6"])
        #expect(zipped.factors[0].level(of: "alone") == nil)
    }
}
