import Foundation
import Testing

@testable import ExperimentSpec

/// Specs that would take all memory or time are refused with the number that is too large. Who lays them out instead never
/// gets to the end of these tests.
@Suite struct SpecBoundsTests {
    /// Nine aliases of the anchor before, level by level.
    private func bomb(levels: Int, open: String = "[", close: String = "]") -> String {
        var lines = ["a0: &a0 \(open)x, x, x, x, x, x, x, x, x\(close)"]
        for level in 1...levels {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            lines.append("a\(level): &a\(level) \(open)\(aliases)\(close)")
        }
        return lines.joined(separator: "\n")
    }

    @Test(arguments: [5, 9, 40, 200]) func aliasesThatExplodeAreRefusedAtOnce(levels: Int) throws {
        let found = try errors(bomb(levels: levels), base: "")
        #expect(found.count == 1)
        let message = try #require(found.first?.message)
        #expect(message.contains("more than 100000 ") || message.contains("more than 100000000 "), "\(message)")
    }

    @Test func aliasesAsKeysAreRefusedBeforeAnyoneComparesThem() throws {
        let found = try errors(bomb(levels: 30) + "\n? *a30\n: 1\n? *a29\n: 2\n", base: "")
        #expect(found.first?.message.contains("more than 100000000 characters") == true)
    }

    @Test func anchorsAsPeopleUseThemAreKept() throws {
        let text = """
            optimizer: &o {clip_norm: 1.0}
            matrix:
              axes:
                - name: arm
                  variants:
                    a: &a {objective.vicreg.weight: 0}
                    b: {objective.vicreg.weight: 0.5}
              include:
                - {arm: c, set: {objective.vicreg.weight: 0.25}}
            """
        #expect(try load(text).arms == ["a", "b", "c"])
        let many = "x: &x [1, 2]\n" + (0..<500).map { "y\($0): *x" }.joined(separator: "\n")
        #expect(SpecBounds.writtenOut(many) < 20_000)
        // An anchor that is named again stands for something else from there on.
        #expect(SpecBounds.writtenOut("a: &x 1\nb: *x\nc: &x 2\nd: *x") < 60)
    }

    /// A hundred million names would take ten gigabytes.
    @Test func moreRunsThanABoundAreRefusedBeforeTheyAreNamed() throws {
        let values = (1...100).map(String.init).joined(separator: ", ")
        let axes = ["invariance", "variance"].map { "{key: objective.vicreg.\($0), values: [\(values)]}" }
        let text = "seeds: 10000\nmatrix: {axes: [\(axes.joined(separator: ", "))]}"
        // Nor is a pattern looked up among them.
        let found = try errors(text, only: ["nope"])
        #expect(
            found.map(\.message) == ["10000 arms with 10000 seeds make 100000000 runs, but at most 10000 are allowed"])
    }

    @Test func whatIsNestedTooDeepIsRefused() throws {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        let found = try errors("seeds: \(deep)", base: "")
        #expect(found.first?.message == "groups and lists are nested more than 64 deep")
        // Each alias goes one deeper.
        let chain = (1...100).map { "a\($0): &a\($0) [*a\($0 - 1)]" }.joined(separator: "\n")
        #expect(
            try errors("a0: &a0 [1]\n" + chain, base: "").first?.message.hasPrefix(
                "groups and lists are nested more than 64 deep") == true)
    }

    @Test func aFileThatIsTooLargeOrHasNoEndIsRefused() throws {
        let large = String(repeating: "# nothing\n", count: 200_000)
        #expect(try errors(large, base: "").first?.message.contains("more than 1048576 bytes") == true)
        #expect(throws: SpecErrors.self) { try Experiment.load(path: "/dev/zero") }
    }

    private func grid(_ axes: Int, options: Int) -> String {
        let keys = [
            "optimizer.clip_norm", "schedule.lr", "objective.vicreg.weight", "objective.vicreg.variance",
            "objective.vicreg.covariance", "objective.vicreg.invariance",
        ]
        let values = (1...options).map { "\(Double($0) / 1000)" }.joined(separator: ", ")
        return "matrix:\n  axes:\n"
            + keys.prefix(axes).map { "    - {key: \($0), values: [\(values)]}\n" }.joined()
    }

    @Test(arguments: [(4, 20, "160000"), (6, 20, "64000000"), (6, 4000, "4.096e+21")])
    func gridsWithoutLimitAreRefusedWithTheirSizeBeforeTheyAreLaidOut(
        axes: Int, options: Int, count: String
    ) throws {
        let found = try errors(grid(axes, options: options))
        #expect(found.count == 1)
        let error = try #require(found.first)
        #expect(error.message.hasPrefix("\(count) combinations of the axes (clip_norm \(options) × "), "\(error)")
        #expect(error.message.contains("at most 10000"))
        #expect(error.keyPath == "matrix" && error.line != nil)
    }

    @Test func armsTimesSeedsAreBoundedToo() throws {
        let found = try errors(grid(1, options: 20) + "seeds: 1000\n")
        #expect(found.first?.message == "20 arms with 1000 seeds make 20000 runs, but at most 10000 are allowed")
        #expect(try errors("seeds: 10001").first?.message.contains("must be ≥ 1, ≤ 10000") == true)
        #expect(try load("seeds: 10000").runs.count == 10_000)
    }

    @Test func axesWithoutNumberAreRefused() throws {
        let axes = (0...100).map { "    - {name: a\($0), variants: {x: {}}}\n" }.joined()
        #expect(
            try errors("matrix:\n  axes:\n" + axes).first?.message == "101 axes, but at most 100 are allowed")
    }
}
