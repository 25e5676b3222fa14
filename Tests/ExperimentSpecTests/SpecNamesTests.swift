import ExperimentSpec
import Testing

/// Names that YAML takes for something else, and values that can be written in several ways.
@Suite struct SpecNamesTests {
    private static let names = ["no", "off", "null", "1", "1.0", "true", "y", "1e3", "0x1"]

    private func matrix(_ rest: String) -> String {
        let variants = Self.names.enumerated().map { "        \($1): {model.depth: \($0 + 1)}\n" }.joined()
        return "matrix:\n  axes:\n    - name: a\n      variants:\n\(variants)\(rest)\n"
    }

    @Test func `arms may be called as YAML's booleans, numbers and nothing`() throws {
        #expect(try load(matrix("")).arms == Self.names)
        let included = Self.names.map { "{arm: \($0), set: {model.depth: \(Self.names.firstIndex(of: $0)! + 1)}}" }
        #expect(try load("matrix: {include: [\(included.joined(separator: ", "))]}").arms == Self.names)
    }

    @Test(arguments: names) func `such an arm can be named wherever arms are named`(_ name: String) throws {
        let excluded = try load(matrix("  exclude: [{a: \(name)}]"))
        #expect(excluded.arms == Self.names.filter { $0 != name })
        let listed = try load(matrix("  exclude: [{a: [\(name), y]}]"))
        #expect(listed.arms == Self.names.filter { $0 != name && $0 != "y" })
        let claimed = try load(matrix("expect: [{arm: \(name), collapses: true}, {arm: [\(name)], collapses: false}]"))
        #expect(claimed.expectations.map(\.arm) == [name, name])
        // A plain null takes the baseline away.
        let baseline = try load(matrix("baseline: \(name == "null" ? "'null'" : name)"))
        #expect(baseline.baseline == name)
        #expect(
            try load(matrix(""), overrides: name == "null" ? [] : ["baseline=\(name)"], only: [name]).arms == [name])
    }

    @Test func `axes may be called so too, and are named in zip, when and conditions`() throws {
        let text = """
            matrix:
              axes:
                - {name: no, key: model.depth, values: [1, 2]}
                - {name: 1.0, key: schedule.lr, values: [1, 2]}
              zip: [[no, 1.0]]
              exclude: [{no: 1}]
            """
        #expect(try load(text).arms == ["no=2.1.0=2"])
    }

    @Test(arguments: ["~", "", "a/b", "..", "-x", "a b", "a\u{A0}b"])
    func `a name that cannot be a folder's is refused in every place`(_ name: String) throws {
        for text in [
            "matrix: {axes: [{name: a, variants: {\"\(name)\": {}}}]}", "matrix: {include: [{arm: \"\(name)\"}]}",
            "matrix: {axes: [{name: \"\(name)\", key: model.depth, values: [1, 2]}]}", "name: \"\(name)\"",
        ] {
            let found = try errors(text)
            #expect(found.count == 1 && found[0].remedy?.contains("letters, digits") == true, "\(text): \(found)")
        }
    }

    @Test func `an arm whose name does not fit into a folder's name is refused`() throws {
        let axes = (0..<5).map {
            "{name: \(String(repeating: "n", count: 40))\($0), variants: {\(String(repeating: "v", count: 45)): {}}}"
        }
        let found = try errors("matrix: {axes: [\(axes.joined(separator: ", "))]}")
        #expect(found.count == 1 && found[0].message.contains("has 229 characters"), "\(found)")
    }

    private let pairs = """
        matrix:
          axes:
            - {name: m, key: target_encoder.momentum, values: [[0.9, 1.0], 0.5, [0.99, 0.999]]}
            - {key: schedule.lr, values: [1e-3, 0.5]}

        """

    @Test func `pairs have short names, as they are written in the fewest letters`() throws {
        #expect(
            try load(pairs).arms == [
                "m=0.9,1.lr=0.001", "m=0.9,1.lr=0.5", "m=0.5.lr=0.001", "m=0.5.lr=0.5", "m=0.99,0.999.lr=0.001",
                "m=0.99,0.999.lr=0.5",
            ])
        let lists = "{name: w, key: evaluation.encoders, values: [[target], [target, context]]}"
        #expect(try load("matrix: {axes: [\(lists)]}").arms == ["w=target", "w=target,context"])
    }

    @Test(arguments: [
        "[0.9, 1.0]", "[0.90, 1]", "[9e-1, 1e0]", "'0.9,1.0'", "'0.9,1'", "'[0.9, 1.0]'", "'m=0.9,1'", "'m=0.9, 1.0'",
        "[[0.9, 1.0]]", "['m=0.9,1']",
    ])
    func `a pair is named in conditions as in the axis, in any spelling`(_ value: String) throws {
        let left = try load(pairs + "  exclude: [{m: \(value)}]\n").arms
        #expect(left == ["m=0.5.lr=0.001", "m=0.5.lr=0.5", "m=0.99,0.999.lr=0.001", "m=0.99,0.999.lr=0.5"])
        #expect(try load(pairs + "baseline: {m: \(value), lr: 1e-3}\n").baseline == "m=0.9,1.lr=0.001")
    }

    @Test(arguments: [
        ("{m: [[0.9, 1], 0.5]}", 2), ("{m: 0.5}", 4), ("{m: [0.5, 0.5]}", 4), ("{m: [[0.9, 1], [0.99, 0.999]]}", 2),
        ("{target_encoder.momentum: [[0.9, 1], 0.5]}", 2), ("{target_encoder.momentum: [0.9, 1.0]}", 4),
        ("{target_encoder.momentum: 0.50}", 4), ("{m: [0.9, 1], lr: [0.0010, 5e-1]}", 4),
    ])
    func `several pairs are a list of them`(condition: String, left: Int) throws {
        #expect(try load(pairs + "  exclude: [\(condition)]\n").arms.count == left)
    }

    @Test func `a list that is a pair of the axis means that pair, and else its elements`() throws {
        let text =
            "matrix:\n  axes: [{name: d, key: optimizer.weight_decay, values: [0.1, 0.4, VALUE]}]\n  exclude: [{d: [0.1, 0.4]}]"
        let pair = text.replacing("VALUE", with: "[0.1, 0.4]")
        #expect(try load(pair).arms == ["d=0.1", "d=0.4"])
        #expect(try load(text.replacing("VALUE", with: "0.7")).arms == ["d=0.7"])
    }

    @Test(arguments: [
        "m=0.9,1.0.lr=5e-1", "m=[0.9, 1].lr=0.50", "m=9e-1,1.lr=0.5", "m=0.9,1.lr=.5",
    ])
    func `arms are found by any spelling of their values`(_ name: String) throws {
        let arm = "m=0.9,1.lr=0.5"
        let text = pairs + "baseline: '\(name)'\nexpect: [{arm: '\(name)', collapses: true}]\n"
        let experiment = try load(text, only: [name])
        #expect(experiment.baseline == arm && experiment.arms == [arm])
        #expect(experiment.expectations.map(\.arm) == [arm])
        #expect(try load(text, only: ["\(name)-s0"]).runs.map(\.name) == ["\(arm)-s0"])
        #expect(try load(text, skip: [name]).arms.count == 5)
        #expect(try load(text, only: ["*lr=5e-1"]).arms.count == 3)
        #expect(try errors(pairs + "baseline: m=0.9.lr=0.5").map(\.message) == ["there is no arm 'm=0.9.lr=0.5'"])
    }

    @Test func `values that would share a name are told apart from one that stands twice`() throws {
        let found = try errors("matrix: {axes: [{name: f, key: data.train_images, values: [a b, a/b]}]}")
        #expect(found.map(\.message) == ["the values a b and a/b would have the same name, f=a_b"])
        let twice = try errors("matrix: {axes: [{key: optimizer.weight_decay, values: [0.1, [0.1, 0.10]]}]}")
        #expect(twice.map(\.message) == ["the value [0.1, 0.1] is listed twice"])
    }
}
