import ExperimentSpec
import Testing

/// `--set` as people type it.
@Suite struct SpecOverrideTests {
    private let grid = """
        matrix:
          axes:
            - {key: schedule.lr, values: [1, 2, 3]}
            - {key: model.depth, values: [1, 2]}

        """

    @Test func `arms that --set makes equal are its fault`() throws {
        let found = try errors(grid, overrides: ["training.steps=5", "schedule.lr=0.5"])
        #expect(found.count == 1, "\(found)")
        #expect(found[0].file == "--set schedule.lr=0.5" && found[0].keyPath == "schedule.lr")
        #expect(
            found[0].message
                == "makes the arms 'lr=1.depth=1', 'lr=2.depth=1' and 'lr=3.depth=1' equal (and 1 other group of arms): "
                + "it overrides the settings that differ between them")
        #expect(found[0].remedy?.contains("--only") == true)
        let both = try errors(grid, overrides: ["schedule.lr=0.5", "model.depth=4"])
        #expect(both.count == 1 && both[0].message.contains("and 3 more equal together with --set"), "\(both)")
    }

    @Test func `a preset from --set that levels widths is named too`() throws {
        let text = "matrix: {axes: [{key: model.width, values: [24, 48]}]}"
        let found = try errors(text, overrides: ["model={width: 96}"])
        #expect(found.map(\.file) == ["--set model={width: 96}"])
    }

    @Test func `one of the arms can be chosen, and its values overridden`() throws {
        let experiment = try load(grid, overrides: ["schedule.lr=0.5"], only: ["lr=2.*"])
        #expect(experiment.arms == ["lr=2.depth=1", "lr=2.depth=2"])
        #expect(experiment.runs.allSatisfy { $0.configuration.schedule.learningRate == 0.5 })
    }

    @Test func `arms that are equal in the spec are the matrix' fault, whatever --set says`() throws {
        let text = "matrix: {axes: [{name: a, variants: {x: {}, y: {}, z: {}, u: {}, v: {}}}]}"
        let found = try errors(text, overrides: ["training.steps=5"])
        #expect(found.map(\.message) == ["the arms 'x', 'y', 'z' and 2 more have the same configuration"])
        #expect(found[0].keyPath == "matrix" && found[0].line == 5)
        let precisions = "matrix: {axes: [{key: training.precision, values: [float32, auto]}]}"
        #expect(
            try errors(precisions).map(\.message) == [
                "the arms 'precision=float32' and 'precision=auto' have the same configuration: on this machine "
                    + "training.precision: auto is float32"
            ])
    }

    @Test(arguments: [
        "a = b, \"c\": d", "why: # not", "*x", "%x", "@x", "- x", "[x", "it's", "1.0", "true", "{a}", "& b", "!c",
    ])
    func `a question needs no quotes but the shell's`(_ text: String) throws {
        #expect(try load("", overrides: ["question=\(text)"]).question == text)
        #expect(try load("", overrides: ["expected= \(text) "]).expected == text)
    }

    @Test func `quotes that the shell left are taken off`() throws {
        #expect(try load("", overrides: ["question=\"a: b\""]).question == "a: b")
        #expect(try load("", overrides: ["name='x'"]).name == "x")
        #expect(try load("", overrides: ["name=1.0"]).name == "1.0")
        #expect(try load("", overrides: ["name=a,b"]).name == "a,b")
        let folder = "/a: b #c, 'd'=e"
        #expect(try load("", overrides: ["data.folder=\(folder)"]).runs[0].configuration.dataFolder == folder)
    }

    @Test func `spaces around the key and the value do not matter`() throws {
        #expect(try load("", overrides: [" model.depth = 3 "]).runs[0].configuration.model.depth == 3)
    }

    @Test(arguments: [
        ("training.steps=1,2", "write an axis in the spec's matrix: {key: training.steps, values: [1, 2]}"),
        ("data.dataset=idx, fashion_mnist", "{key: data.dataset, values: [idx, fashion_mnist]}"),
        ("evaluation.knn.k=1,2", "in quotes for the shell: --set 'evaluation.knn.k=[1, 2]'"),
        ("optimizer.weight_decay=0.1,0.2", "--set 'optimizer.weight_decay=[0.1, 0.2]'"),
        ("training.steps=10,training.batch_size=16", "--set training.steps=10 --set training.batch_size=16"),
        ("seeds=0,1", "write a list, [0, 1, 2], or a count, 3"), ("training.steps:10", "--set training.steps=100"),
        ("=3", "--set training.steps=100"), ("schedule.lr=\"1\"", "remove the quotes"),
        ("schedule.lr=1e\u{2212}3", "there is a minus sign instead of a hyphen (U+2212): write -"),
    ])
    func `what other programs read otherwise is answered with what to write`(text: String, remedy: String) throws {
        let found = try errors("", overrides: [text])
        #expect(found.count == 1 && found[0].file == "--set \(text)", "\(found)")
        #expect(found[0].remedy?.contains(remedy) == true, "\(found)")
    }
}
