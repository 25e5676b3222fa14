import ExperimentSpec
import Foundation
import Testing

/// One look at a spec shows everything that is wrong with it, each thing once, and nothing that follows from another.
@Suite struct SpecGatheringTests {
    @Test func `mistakes of every stage are reported together, in the order of their lines`() throws {
        let text = """
            data: {dataset: fashion_mnist}
            model: {widht: 24, depth: 2, heads: 3, image_size: 28, patch_size: 4, channels: 2}
            training: {batch_size: 32, steps: 10, steps: 10}
            schedule: {lr: fast}
            masks: {min_keep: 4}
            resources: {shards: 64}
            matrix:
              axes:
                - {name: depth, key: model.depth, values: [1, 2]}
              exclude: [{detph: 1}]
              include: [{arm: x/y}]
            baseline: depth=3
            expect:
              - {arm: depth=9, metric: linear, at_least: 1, unit: points}
              - {arm: depth=1, metric: linear}
            sedes: 3
            """
        let found = try errors("", base: text, overrides: ["model.dpeth=3", "training.steps=many"])
        #expect(found.filter { $0.line != nil }.map(\.line) == [2, 2, 3, 4, 6, 10, 11, 12, 14, 15, 16], "\(found)")
        #expect(
            found.compactMap(\.keyPath) == [
                "model.widht", "model.channels", "training.steps", "schedule.lr", "resources.shards",
                "matrix.exclude.detph", "matrix.include.arm", "baseline", "expect.arm", "expect", "sedes",
                "model.dpeth", "training.steps",
            ])
        #expect(
            found.allSatisfy { $0.nearest != nil || $0.remedy != nil || $0.keyPath == "schedule.lr" || $0.line == nil })
    }

    struct Noise: Sendable, CustomTestStringConvertible {
        let text: String
        let keyPath: String
        var testDescription: String { text }
    }

    /// Each of these has one mistake, from which others seem to follow.
    @Test(arguments: [
        Noise(text: "model.widht: 30", keyPath: "model.widht"),
        Noise(text: "model.predictor: {widht: 10}", keyPath: "model.predictor.widht"),
        Noise(text: "matrx: {axes: [{key: model.depth, values: [1, 2]}]}\nbaseline: depth=2", keyPath: "matrx"),
        Noise(text: "matrix: {axis: [{key: model.depth, values: [1, 2]}]}\nbaseline: depth=2", keyPath: "matrix.axis"),
        Noise(
            text: "matrix:\n  axes: [{key: model.dpeth, values: [1, 2]}]\n  exclude: [{depth: 1}]\n  zip: [[depth, a]]",
            keyPath: "model.dpeth"),
        Noise(
            text: "matrix:\n  axes: [{key: model.depth, values: [1, x]}]\n  exclude: [{depth: x}]\nbaseline: depth=1",
            keyPath: "model.depth"),
        Noise(
            text: "matrix:\n  axes: [{name: a, variants: {x: {model.depht: 2}, y: {}}}]\nbaseline: x",
            keyPath: "model.depht"),
        Noise(
            text: "matrix:\n  axes: [{name: a, variants: {x/y: {}, y: {model.depth: 3}}}]\n  exclude: [{a: x/y}]",
            keyPath: "matrix.axes.variants"),
        Noise(
            text: "matrix:\n  axes: [{nmae: a, variants: {x: {model.width: 48}}}]\nbaseline: x",
            keyPath: "matrix.axes.nmae"),
        Noise(text: "matrix: {include: [{amr: x, set: {}}]}\nbaseline: x", keyPath: "matrix.include.amr"),
        Noise(
            text:
                "matrix:\n  axes: [{key: model.depth, values: [1, 2]}]\n  when: [{axis: detph, if: {model.heads: 3}}]",
            keyPath: "matrix.when.axis"),
        Noise(
            text: "matrix:\n  axes: [{key: model.heads, values: [3, 5]}]\n  exclude: [{heds: 5}]",
            keyPath: "matrix.exclude.heds"),
        Noise(text: "expect: [{amr: default, collapses: true}]", keyPath: "expect.amr"),
        Noise(text: "expect: [{arm: default, metrik: linear, at_least: 1}]", keyPath: "expect.metrik"),
        Noise(text: "seeds: x", keyPath: "seeds"),
        Noise(text: "inherit: nowhere.spec\nbaseline: x\nresources.shards: 33", keyPath: "inherit"),
    ])
    func `one mistake is one error`(_ noise: Noise) throws {
        let found = try errors(noise.text)
        #expect(found.map(\.keyPath) == [noise.keyPath], "\(found)")
    }

    @Test func `a training whose length is misspelt is not told that it has none`() throws {
        let base = smallSpec.replacingOccurrences(of: "steps: 10", with: "stpes: 10")
        #expect(try errors("", base: base).map(\.keyPath) == ["training.stpes"])
        let foreign = smallSpec.replacingOccurrences(of: "steps: 10", with: "duration: 10")
        #expect(try errors("", base: foreign).map(\.keyPath) == ["training.duration"])
    }

    @Test func `options are checked although the spec is not YAML`() throws {
        let found = try errors("", base: "model: {width: 3", overrides: ["model.widht=3"])
        #expect(found.map(\.keyPath) == [nil, "model.widht"])
        #expect(found[0].message.hasPrefix("not valid YAML"))
    }

    @Test func `a fault of forty arms is told once, with their number`() throws {
        let rates = (1...10).map { "\(Double($0) / 1000)" }.joined(separator: ", ")
        let text = """
            matrix:
              axes:
                - {key: model.width, values: [24, 36, 48, 72]}
                - {key: schedule.lr, values: [\(rates)]}
            """
        let base = smallSpec.replacingOccurrences(of: "heads: 3", with: "heads: 7")
        let found = try errors(text, base: base)
        #expect(found.count == 1, "\(found)")
        #expect(
            found[0].message
                == "7 heads do not divide the width 24 (arm width=24.lr=0.001; similarly in 39 others of the 40 arms)"
        )
        let same = try errors(text, base: smallSpec.replacingOccurrences(of: "channels: 1", with: "channels: 2"))
        #expect(same.count == 1 && !same[0].message.contains("arm"), "\(same)")
    }

    @Test func `two axes that set one key are told once`() throws {
        let text = """
            matrix:
              axes:
                - {name: a, key: model.depth, values: [1, 2, 3]}
                - {name: b, key: model.depth, values: [4, 5, 6]}
            """
        #expect(try errors(text).map(\.message) == ["the axes 'a' and 'b' both set this key"])
    }

    @Test func `every repeated key is told with both its lines`() throws {
        let found = try errors("model:\n  depth: 2\n  depth: 3\n  'heads': 3\n  \"heads\": 4\n  depth: 4\n", base: "")
        let repeated = found.filter { $0.message.contains("twice") }
        #expect(repeated.map(\.keyPath) == ["model.heads", "model.depth", "model.depth"])
        #expect(repeated.map(\.line) == [5, 6, 6])
        #expect(repeated.map { $0.message.hasSuffix("first on line 4") } == [true, false, false])
        // Carriage returns and a byte order mark move nothing.
        let odd = try errors("\u{FEFF}seeds: 1\r\nseeds: 2\r\nname: a\r\nname: b\r\n", base: "")
        #expect(odd.filter { $0.message.contains("twice") }.map(\.line) == [2, 4])
    }
}
