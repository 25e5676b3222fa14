import Declarations
import ExperimentSpec
import Testing

@Suite struct SpecMatrixTests {
    private func axes(_ counts: [Int]) -> String {
        let keys = ["schedule.lr", "model.depth", "masks.target_blocks", "optimizer.epsilon"]
        let axes = zip(keys, counts).map { key, count in
            "    - {key: \(key), values: [\((1...count).map(String.init).joined(separator: ", "))]}"
        }
        return "matrix:\n  axes:\n" + axes.joined(separator: "\n") + "\n"
    }

    @Test(arguments: [[1], [3], [2, 3], [4, 1, 2], [2, 2, 2, 2], [3, 2, 4]], [1, 3])
    func `the grid has every combination once, in a stable order, for every seed`(counts: [Int], seeds: Int) throws {
        let text = axes(counts) + "seeds: \(seeds)\n"
        let experiment = try load(text)
        let product = counts.reduce(1, *)
        #expect(experiment.arms.count == product)
        #expect(Set(experiment.arms).count == product)
        #expect(experiment.runs.count == product * seeds)
        #expect(Set(experiment.runs.map(\.configurationHash)).count == product)
        #expect(experiment.runs.map(\.arm) == experiment.arms.flatMap { Array(repeating: $0, count: seeds) })
        #expect(try load(text).runs == experiment.runs)
        // The last axis is the fastest.
        let last = experiment.arms.prefix(counts.last!).map { $0.split(separator: "=").last! }
        #expect(last.map(String.init) == (1...counts.last!).map(String.init))
        #expect(experiment.baseline == experiment.arms[0])
    }

    @Test(arguments: [1, 2, 3], [1, 2, 3])
    func `excluding a pair of values leaves out its share of the grid`(a: Int, b: Int) throws {
        let experiment = try load(axes([3, 3, 2]) + "  exclude: [{lr: \(a), model.depth: \(b)}]\n")
        #expect(experiment.arms.count == 18 - 2)
        #expect(!experiment.arms.contains { $0.hasPrefix("lr=\(a).depth=\(b).") })
    }

    @Test func `a condition's list means any of its values, and an empty grid is refused`() throws {
        #expect(try load(axes([3, 3]) + "  exclude: [{lr: [1, 2], depth: [2, 3]}]\n").arms.count == 5)
        let found = try errors(axes([2, 2]) + "  exclude: [{lr: [1, 2]}]\n")
        #expect(found.map(\.message) == ["no arm is left"])
    }

    @Test func `zipped axes advance together`() throws {
        let experiment = try load(axes([2, 3, 2]) + "  zip: [[lr, target_blocks]]\n")
        #expect(
            experiment.arms == [
                "lr=1.depth=1.target_blocks=1", "lr=1.depth=2.target_blocks=1", "lr=1.depth=3.target_blocks=1",
                "lr=2.depth=1.target_blocks=2", "lr=2.depth=2.target_blocks=2", "lr=2.depth=3.target_blocks=2",
            ])
        let found = try errors(axes([2, 3]) + "  zip: [[lr, depth]]\n")
        #expect(found.map(\.message) == ["zipped axes need the same number of options: lr has 2, depth has 3"])
        #expect(found[0].line == 9)
    }

    private let conditional = """
        matrix:
          axes:
            - name: objective
              variants: {ijepa: {objective.vicreg.weight: 0}, cjepa: {objective.vicreg.weight: 0.001}}
            - {key: objective.vicreg.pairs, values: [blocks, context_target]}
          when:

        """

    @Test(arguments: ["{objective: cjepa}", "{objective.vicreg.weight: 0.001}"])
    func `an axis applies only where its condition holds`(condition: String) throws {
        let experiment = try load(conditional + "    - {axis: pairs, if: \(condition)}\n")
        #expect(experiment.arms == ["ijepa", "cjepa.pairs=blocks", "cjepa.pairs=context_target"])
    }

    @Test func `keys are set where a condition holds`() throws {
        let experiment = try load(conditional + "    - {if: {pairs: context_target}, set: {model.depth: 7}}\n")
        #expect(experiment.runs.map(\.configuration.model.depth) == [2, 7, 2, 7])
    }

    @Test func `an axis may depend only on axes above it`() throws {
        let found = try errors(conditional + "    - {axis: objective, if: {pairs: blocks}}\n")
        #expect(found.count == 1 && found[0].line == 11)
        #expect(found[0].message.contains("only on axes above it"))
    }

    @Test func `included arms stand beside the grid`() throws {
        let text = axes([2]) + "  include: [{arm: frozen, set: {target_encoder: {kind: frozen}}}]\nbaseline: frozen\n"
        let experiment = try load(text)
        #expect(experiment.arms == ["lr=1", "lr=2", "frozen"])
        #expect(experiment.baseline == "frozen")
        #expect(experiment.runs[2].configuration.value(of: "target_encoder.kind") == "frozen")
        #expect(experiment.runs[2].configuration.schedule.learningRate == 1e-3)
        #expect(experiment.runs[2].differences == ["schedule.lr": "0.001", "target_encoder.kind": "frozen"])
    }

    @Test func `axes over keys of the same last name are called by their paths`() throws {
        let text = """
            matrix:
              axes:
                - {key: model.width, values: [24]}
                - {key: model.predictor.width, values: [24, 48]}
                - {name: decay, key: optimizer.weight_decay, values: [0.1, [0.04, 0.4]]}
            """
        #expect(
            try load(text).arms == [
                "model.width=24.model.predictor.width=24.decay=0.1",
                "model.width=24.model.predictor.width=24.decay=0.04,0.4",
                "model.width=24.model.predictor.width=48.decay=0.1",
                "model.width=24.model.predictor.width=48.decay=0.04,0.4",
            ])
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let matrix: String
        let message: String
        var nearest: String?
        var testDescription: String { matrix }
    }

    @Test(arguments: [
        Fault(matrix: "axis: []", message: "unknown key", nearest: "axes"),
        Fault(matrix: "axes: 3", message: "expected a list, found a whole number"),
        Fault(matrix: "axes: [{nam: a}]", message: "unknown key", nearest: "name"),
        Fault(matrix: "axes: [{name: a}]", message: "an axis has either 'name' and 'variants', or 'key' and 'values'"),
        Fault(matrix: "axes: [{name: a, variants: {}}]", message: "expected named variants"),
        Fault(matrix: "axes: [{variants: {x: {}}}]", message: "an axis of variants needs a 'name'"),
        Fault(matrix: "axes: [{name: a, variants: {x/y: {}}}]", message: "'x/y' cannot be part of a folder's name"),
        Fault(
            matrix: "axes: [{name: a, variants: {x: 3}}]", message: "expected keys with values, found a whole number"),
        Fault(matrix: "axes: [{name: a, variants: {x: {seeds: 3}}}]", message: "cannot differ between arms"),
        Fault(
            matrix: "axes: [{name: a, variants: {x: {model.widht: 3}}}]", message: "unknown key", nearest: "model.width"
        ),
        Fault(matrix: "axes: [{key: modle.width, values: [1]}]", message: "unknown key", nearest: "model.width"),
        Fault(matrix: "axes: [{key: model, values: [1]}]", message: "is a group of keys, not a key"),
        Fault(matrix: "axes: [{key: model.depth, values: []}]", message: "expected a list of values"),
        Fault(matrix: "axes: [{key: model.depth, values: [a]}]", message: "expected a whole number, found 'a' (text)"),
        Fault(matrix: "axes: [{key: model.depth, values: [1, 1]}]", message: "the value 1 is listed twice"),
        Fault(
            matrix: "axes: [{key: model.depth, values: [1]}, {name: depth, variants: {x: {}}}]",
            message: "two axes are called 'depth'"),
        Fault(
            matrix: "axes: [{key: model.depth, values: [1]}, {name: a, variants: {x: {model.depth: 3}}}]",
            message: "the axes 'depth' and 'a' both set this key"),
        Fault(
            matrix: "axes: [{key: model.depth, values: [1]}]\n  zip: [[depth, dpth]]",
            message: "there is no axis 'dpth'", nearest: "depth"),
        Fault(
            matrix: "axes: [{name: a, variants: {ema: {}}}]\n  exclude: [{a: emma}]",
            message: "the axis 'a' has no option 'emma'",
            nearest: "ema"),
        Fault(
            matrix: "axes: [{name: target, variants: {x: {}}}]\n  exclude: [{taget: x}]",
            message: "neither an axis nor a key", nearest: "target"),
        Fault(
            matrix: "axes: [{name: a, variants: {x: {}}}]\n  exclude: [{model.depth: x}]",
            message: "expected a whole number, found 'x' (text)"),
        Fault(matrix: "when: [{axis: a}]", message: "'if' is missing"),
        Fault(matrix: "when: [{if: {model.depth: 1}}]", message: "expected 'if' with either 'axis' or 'set'"),
        Fault(matrix: "include: [{set: {}}]", message: "'arm' is missing"),
        Fault(matrix: "include: [{arm: a}, {arm: a, set: {model.depth: 1}}]", message: "two arms are called 'a'"),
        Fault(
            matrix: "include: [{arm: a}, {arm: b, set: {model.depth: 2}}]",
            message: "the arms 'a' and 'b' have the same configuration"),
        Fault(
            matrix: "include: [{arm: a}, {arm: b, set: {resources.threads: 2}}]",
            message: "the arms 'a' and 'b' have the same configuration"),
    ])
    func `a faulty matrix is refused with a line`(_ fault: Fault) throws {
        let found = try errors("matrix:\n  \(fault.matrix)\n")
        #expect(found.count == 1, "\(found)")
        let error = try #require(found.first)
        #expect(error.message == fault.message)
        #expect(error.nearest == fault.nearest)
        #expect((5...7).contains(error.line ?? 0))
    }

    @Test func `a baseline is an arm's name or what one arm alone is`() throws {
        #expect(try load(axes([2, 2]) + "baseline: lr=2.depth=1").baseline == "lr=2.depth=1")
        #expect(try load(axes([2, 2]) + "baseline: {lr: 2, model.depth: 1}").baseline == "lr=2.depth=1")
        let unknown = try errors(axes([2, 2]) + "baseline: lr=2.dept=1")
        #expect(unknown.map(\.message) == ["there is no arm 'lr=2.dept=1'"])
        #expect(unknown[0].nearest == "lr=2.depth=1" && unknown[0].line == 9)
        let several = try errors(axes([2, 2]) + "baseline: {lr: 2}")
        #expect(several.map(\.message) == ["several arms meet the condition: lr=2.depth=1, lr=2.depth=2"])
        #expect(try errors(axes([2]) + "baseline: {model.depth: 9}").map(\.message) == ["no arm meets the condition"])
    }

    @Test func `patterns choose arms and runs`() throws {
        let text = axes([2, 2]) + "seeds: 2\nbaseline: lr=1.depth=1\n"
        #expect(try load(text, only: ["*depth=1"]).arms == ["lr=1.depth=1", "lr=2.depth=1"])
        #expect(try load(text, only: ["*-s1"]).runs.map(\.seed) == [1, 1, 1, 1])
        #expect(try load(text, only: ["lr=?.depth=2-s0"]).runs.map(\.name) == ["lr=1.depth=2-s0", "lr=2.depth=2-s0"])
        let skipped = try load(text, only: ["*depth=1"], skip: ["lr=1*"])
        #expect(skipped.arms == ["lr=2.depth=1"])
        #expect(skipped.baseline == "lr=1.depth=1")
        #expect(skipped.runs[0].differences == ["schedule.lr": "2", "model.depth": "1"])
        let unknown = try errors(text, only: ["lr=1.depht=1"])
        #expect(unknown.map(\.message) == ["matches no arm or run"])
        #expect(unknown[0].nearest == "lr=1.depth=1" && unknown[0].file == "--only lr=1.depht=1")
        #expect(try errors(text, skip: ["*"]).map(\.message) == ["no run is left"])
    }
}
