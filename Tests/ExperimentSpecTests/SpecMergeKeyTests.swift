import Declarations
import ExperimentSpec
import Testing

/// `<<` adds the keys of other groups, as in YAML 1.1.
@Suite struct SpecMergeKeyTests {
    private func variants(_ text: String) throws -> Experiment {
        try load(
            """
            matrix:
              axes:
                - name: arm
                  variants:
                    a: &a {objective.vicreg.weight: 0.5, model.depth: 3}
                    b: &b {model.depth: 4, schedule.lr: 2}
                    c: \(text)
            """)
    }

    @Test(arguments: [
        ("{<<: *a, schedule.lr: 9}", 0.5, 3, 9), ("{schedule.lr: 9, <<: *a}", 0.5, 3, 9),
        ("{<<: *a, model.depth: 7}", 0.5, 7, 0.001), ("{model.depth: 7, <<: *a}", 0.5, 7, 0.001),
        ("{<<: [*a, *b]}", 0.5, 3, 2), ("{<<: [*b, *a]}", 0.5, 4, 2), ("{<<: [*b, *a], schedule.lr: 5}", 0.5, 4, 5),
        ("{<<: *a, model: {depth: 7}}", 0.5, 7, 0.001), ("{<<: {<<: *b, model.depth: 8}}", 0, 8, 2),
        ("{<<: [*a, {model: {depth: 9, heads: 2}}]}", 0.5, 3, 0.001),
    ])
    func `keys beside a merge win, and the first of several merged groups`(
        text: String, weight: Double, depth: Int, rate: Double
    ) throws {
        let run = try #require(try variants(text).runs.last).configuration
        #expect(run.value(of: "objective.vicreg.weight") == .number(weight))
        #expect(run.model.depth == depth)
        #expect(run.schedule.learningRate == rate)
    }

    @Test func `merged keys count as an earlier layer`() throws {
        let length = try load(
            "matrix: {include: [&e {arm: a, set: &s {training.steps: 5}}, {arm: b, set: {<<: *s, training.epochs: 1}}]}"
        )
        #expect(length.runs.map(\.configuration.training.steps) == [5, 1875])
        let preset = try load(
            "matrix: {include: [{arm: a, set: &s {model.depth: 5}}, {arm: b, set: {<<: *s, model.preset: vit_small}}]}")
        #expect(preset.runs.map(\.configuration.model.depth) == [5, 12])
    }

    @Test func `merges work wherever a group may stand, and keep the order of the merged keys`() throws {
        let text = """
            optimizer: &o {clip_norm: 1.0}
            matrix:
              axes:
                - {name: first, variants: &v {x: {model.depth: 1}, y: {model.depth: 3}}}
              include:
                - {arm: more, set: {optimizer: {<<: *o, epsilon: 1e-6}}}
            expect:
              - &c {arm: x, metric: linear, at_least: 1, unit: points}
              - {<<: *c, arm: y}
            """
        let experiment = try load(text)
        #expect(experiment.arms == ["x", "y", "more"])
        #expect(experiment.runs[2].configuration.optimizer.clipNorm == 1)
        #expect(experiment.expectations.map { $0.text() } == ["x in linear ≥ 1 %", "y in linear ≥ 1 %"])
        let axes = """
            matrix:
              include:
                - {arm: z, set: {schedule: &s {lr: 1, warmup: 0.5}}}
                - {arm: u, set: {schedule: {lr: 3, <<: *s}}}
            """
        #expect(try load(axes).runs.map(\.configuration.schedule.learningRate) == [1, 3])
    }

    @Test(arguments: [
        ("{<<: 3}", "a merge key takes a group of keys, not a whole number"),
        ("{<<: [*a, x]}", "a merge key takes a group of keys, not text"),
        ("{<<: *a, <<: *b}", "the key occurs twice in this group, first on line 11"),
        ("{'<<': *a}", "unknown key"), ("{<<: {model.widht: 3}}", "unknown key"),
    ])
    func `what cannot be merged is refused`(text: String, message: String) throws {
        do {
            _ = try variants(text)
            Issue.record("the spec was accepted")
        } catch let errors as SpecErrors {
            #expect(errors.errors.map(\.message) == [message])
            #expect(errors.errors[0].line == 11)
        }
    }
}
