import Declarations
import ExperimentSpec
import Foundation
import Testing

@Suite struct SpecInheritanceTests {
    private func load(_ files: [String: String], _ name: String, overrides: [String] = []) throws -> Experiment {
        let folder = try SpecFolder()
        for (file, text) in files { try folder.write(text, file) }
        return try Experiment.load(path: "\(folder.path)/\(name)", overrides: overrides, fileExists: { _ in true })
    }

    private func errors(_ files: [String: String], _ name: String) throws -> [SpecError] {
        do {
            _ = try load(files, name)
            Issue.record("the spec was accepted")
            return []
        } catch let errors as SpecErrors {
            return errors.errors
        }
    }

    @Test func `groups merge, lists are replaced, and neither name nor question is inherited`() throws {
        let parent =
            smallSpec + """
                name: parent
                question: Why?
                expected: That.
                evaluation: {knn: {k: [5, 6], temperature: 0.5}}
                seeds: [3, 4]

                """
        let child = "inherit: sub/parent.spec\nevaluation: {knn: {k: [7]}}\nmodel: {depth: 5}"
        let experiment = try load(["sub/parent.spec": parent, "child.spec": child], "child.spec")
        let run = experiment.runs[0].configuration
        #expect(experiment.name == "child" && experiment.question.isEmpty && experiment.expected.isEmpty)
        #expect(run.value(of: "evaluation.knn.k") == [7] && run.value(of: "evaluation.knn.temperature") == 0.5)
        #expect(run.model.depth == 5 && run.model.width == 24)
        #expect(experiment.runs.map(\.seed) == [3, 4])
    }

    @Test func `null takes an optional key and the matrix away`() throws {
        let parent =
            smallSpec + """
                optimizer: {clip_norm: 1}
                matrix: {axes: [{key: schedule.lr, values: [1, 2]}]}
                baseline: lr=2

                """
        let child = "inherit: p.spec\noptimizer: {clip_norm: null}\nmatrix: null\nbaseline: ~"
        let experiment = try load(["p.spec": parent, "c.spec": child], "c.spec")
        #expect(experiment.arms == ["default"])
        #expect(experiment.runs[0].configuration.optimizer.clipNorm == nil)
    }

    @Test func `a later preset wins over sizes of earlier layers, and sizes beside it win over it`() throws {
        let child = "inherit: p.spec\nmodel: {preset: vit_small, depth: 3}"
        let model = try load(["p.spec": smallSpec, "c.spec": child], "c.spec").runs[0].configuration.model
        #expect((model.width, model.depth, model.heads) == (384, 3, 6))
    }

    @Test func `a later length wins over an earlier one of the other kind`() throws {
        let child = "inherit: p.spec\ntraining: {epochs: 1}"
        let training = try load(["p.spec": smallSpec, "c.spec": child], "c.spec").runs[0].configuration.training
        #expect(training.steps == 60_000 / 32 && training.epochs == 1)
    }

    @Test func `circles are refused with their members`() throws {
        let found = try errors(["a.spec": "inherit: b.spec", "b.spec": "inherit: a.spec"], "a.spec")
        #expect(found.map(\.message) == ["circular inheritance: a.spec → b.spec → a.spec"])
        #expect(found[0].file.hasSuffix("b.spec") && found[0].line == 1)
        let own = try errors(["a.spec": "\ninherit: a.spec"], "a.spec")
        #expect(own.map(\.message) == ["circular inheritance: a.spec → a.spec"] && own[0].line == 2)
    }

    @Test func `a missing parent is named, with the nearest file`() throws {
        let found = try errors(["base.spec": smallSpec, "a.spec": "inherit: bsae.spec"], "a.spec")
        #expect(found.map(\.message) == ["there is no spec bsae.spec"])
        #expect(found[0].nearest == "base.spec" && found[0].line == 1)
    }

    @Test func `an error in a parent names the parent's file`() throws {
        let found = try errors(
            ["p.spec": "model: {widht: 1}\ntraining.steps: 1", "a.spec": "inherit: p.spec\nmodle: 1"], "a.spec")
        #expect(found.map(\.keyPath) == ["model.widht", "modle"])
        #expect(found[0].file.hasSuffix("p.spec") && found[1].file.hasSuffix("a.spec"))
    }

    private static let axes = "{key: schedule.lr, values: [1, 2]}, {name: o, variants: {x: {}, y: {model.depth: 3}}}"

    struct Misfit: Sendable, CustomTestStringConvertible {
        let parent: String
        let child: String
        /// Line of the child, and how the error begins.
        let line: Int
        let keyPath: String
        let message: String
        let remedy: String
        var testDescription: String { child }
    }

    @Test(arguments: [
        Misfit(
            parent: "baseline: lr=2.y", child: "matrix: {axes: [{key: schedule.lr, values: [1, 3]}]}", line: 2,
            keyPath: "baseline", message: "there is no arm 'lr=2.y'", remedy: "arms: lr=1, lr=3"),
        Misfit(
            parent: "baseline: lr=2.y", child: "matrix: null", line: 2, keyPath: "baseline",
            message: "there is no arm 'lr=2.y'", remedy: "or 'baseline: null' for the first arm; arms: default"),
        Misfit(
            parent: "baseline: {o: y, lr: 2}", child: "matrix:\n  axes: [{key: schedule.lr, values: [1, 2]}]", line: 3,
            keyPath: "baseline", message: "neither an axis nor a key", remedy: "'baseline: null' for none"),
        Misfit(
            parent: "baseline: {o: y, lr: 2}", child: "matrix: {exclude: [{o: y, lr: 2}]}", line: 2,
            keyPath: "baseline",
            message: "no arm meets the condition", remedy: "write 'baseline: ' and an arm in this spec"),
        Misfit(
            parent: "  exclude: [{o: y, lr: 1}]", child: "matrix:\n  axes: [{key: schedule.lr, values: [1, 3]}]",
            line: 3,
            keyPath: "matrix.exclude", message: "neither an axis nor a key", remedy: "'exclude: null' for none"),
        Misfit(
            parent: "  exclude: [{lr: 2}]", child: "matrix:\n  axes: [{key: schedule.lr, values: [1, 3]}]", line: 3,
            keyPath: "matrix.exclude", message: "the axis 'lr' has no option '2'", remedy: "it has: lr=1, lr=3"),
        Misfit(
            parent: "  when: [{axis: o, if: {lr: 2}}]", child: "matrix:\n  axes: [{key: schedule.lr, values: [2, 3]}]",
            line: 3, keyPath: "matrix.when", message: "there is no axis 'o'", remedy: "'when: null' for none"),
        Misfit(
            parent: "  zip: [[lr, o]]", child: "matrix:\n  axes: [{key: schedule.lr, values: [2, 3]}]", line: 3,
            keyPath: "matrix.zip", message: "there is no axis 'o'", remedy: "'zip: null' for none"),
    ])
    func `what is inherited and does not fit the child's matrix is said at the child`(_ misfit: Misfit) throws {
        let parent = smallSpec + "matrix:\n  axes: [\(Self.axes)]\n\(misfit.parent)\n"
        _ = try load(["p.spec": parent], "p.spec")
        let found = try errors(["p.spec": parent, "c.spec": "inherit: p.spec\n\(misfit.child)\n"], "c.spec")
        let error = try #require(found.first)
        #expect(found.count == 1, "\(found)")
        #expect(error.file.hasSuffix("/c.spec") && error.line == misfit.line, "\(error)")
        #expect(error.keyPath == misfit.keyPath)
        #expect(error.message.contains("is inherited (") && error.message.contains("p.spec:7:"))
        #expect(error.message.contains(") and does not fit th"))
        #expect(error.message.hasSuffix(misfit.message), "\(error)")
        #expect(error.remedy?.hasSuffix(misfit.remedy) == true || error.remedy?.contains(misfit.remedy) == true)
    }

    @Test func `a baseline that the parent itself lacks is said at the parent`() throws {
        let parent = smallSpec + "matrix:\n  axes: [\(Self.axes)]\nbaseline: z\n"
        let found = try errors(["p.spec": parent, "c.spec": "inherit: p.spec\nmodel: {depth: 4}\n"], "c.spec")
        #expect(found.map(\.message) == ["there is no arm 'z'"])
        #expect(found[0].file.hasSuffix("p.spec") && found[0].line == 7)
    }

    @Test func `a missing parent does not hide the child's own errors, and nothing follows from it`() throws {
        let child = "inherit: nope.spec\nmodel: {widht: 3, heads: 5}\nbaseline: a\nexpect: [{arm: b}]\n"
        let found = try errors(["c.spec": child], "c.spec")
        #expect(found.map(\.keyPath) == ["inherit", "model.widht", "expect"])
        #expect(found.map(\.line) == [1, 2, 4])
    }

    @Test func `overrides win over the arms and read as YAML`() throws {
        let text =
            smallSpec + """
                matrix:
                  axes: [{name: a, variants: {x: {schedule.lr: 1}, y: {schedule.lr: 2, model.depth: 3}}}]

                """
        let experiment = try load(
            ["a.spec": text], "a.spec",
            overrides: [
                "schedule.lr=5e-1", "evaluation.knn.k=[3, 4]", "seeds=2", "name=other", "optimizer.clip_norm=null",
            ])
        #expect(experiment.name == "other")
        #expect(experiment.runs.map(\.name) == ["x-s0", "x-s1", "y-s0", "y-s1"])
        #expect(experiment.runs.allSatisfy { $0.configuration.schedule.learningRate == 0.5 })
        #expect(experiment.runs[0].configuration.value(of: "evaluation.knn.k") == [3, 4])
        #expect(Set(experiment.runs[0].differences.keys) == ["model.depth"])
    }

    @Test(arguments: [
        ("model.widht=3", "model.widht", "unknown key", "model.width"),
        ("modle.width=3", "modle.width", "unknown key", "model.width"),
        ("model.width=x", "model.width", "expected a whole number, found 'x' (text)", nil),
        ("matrix=3", "matrix", "cannot be set from the command line", nil),
        ("model.width", nil, "expected key.path=value", nil),
        ("seeds=-1", "seeds", "-1 is out of range", nil),
        ("evaluation.knn.k=[3", nil, "not valid YAML", nil),
    ])
    func `a faulty override is named as it was given`(
        text: String, keyPath: String?, message: String, nearest: String?
    ) throws {
        let found = try ExperimentSpecTests.errors("", overrides: [text])
        #expect(found.count == 1)
        #expect(found[0].file == "--set \(text)" && found[0].line == nil)
        #expect(found[0].keyPath == keyPath)
        #expect(found[0].message.hasPrefix(message), "\(found[0])")
        #expect(found[0].nearest == nearest)
    }
}
