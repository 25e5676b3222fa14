import Foundation
import HDF5
import TestSupport
import Testing

@testable import RunStore

/// A run file of any content, sealed or of an earlier version, is read or is an error, never the end of the program.
@Suite struct RunTrustTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.file("run.h5") }

    /// A small run file whose content `change` adds to, with a valid seal.
    private func write(_ change: (HDF5Group) throws -> Void) throws {
        try Self.base(at: path)
        let old = try HDF5File(reading: path).root
        try HDF5Output.write(to: path) { root in
            for name in try old.attributes.names() {
                if let value = try old.attributes.read(name) { try root.attributes.write(name, value) }
            }
            for name in try old.childNames() { try root.copy(name, of: old, to: name) }
            try change(root)
        }
    }

    private static func base(at path: String) throws {
        let writer = try RunWriter.create(
            at: path, header: SampleRun.header, configuration: SampleRun.configuration())
        writer.setProvenance(["host": "a-host"])
        for step in 1...3 { writer.append("steps", ["step": Double(step), "loss": 1 / Double(step)]) }
        writer.append("evaluation/target", ["step": 3, "knn_20": 0.5])
        writer.append(vector: [3, 2, 1], to: "evaluation/target", column: "singular_values")
        writer.setMatrix("embeddings/target/step_3", rows: 4, columns: 2, [1, 2, 3, 4, 5, 6, 7, 8])
        writer.setIntegers("embeddings/labels", [0, 1, 2, 3])
        writer.setIntegers(
            RunFormat.predictions(encoder: "target"), rows: [[0, 1, 2, 3]],
            attributes: ["probes": .strings(["knn_20"]), "step": 3])
        writer.setIntegers("predictions/labels", [0, 1, 2, 3])
        writer.setIntegers("predictions/indices", [0, 1, 2, 3])
        try writer.commit()
    }

    /// Reads everything that a reader can ask for, and goes on with the run.
    private static func readAll(_ path: String) throws {
        let file = try RunFile(path: path)
        for table in file.tableNames { _ = try file.table(table) }
        for embedding in file.embeddingPaths { _ = try file.matrix(embedding) }
        for array in file.contents.arrays { _ = try? file.integers(array) }
        _ = try file.predictions(encoder: "target")
        _ = try file.verdict()
        _ = try RunWriter.resume(at: path, keepingThroughStep: 2)
    }

    private func complaint() -> String {
        do {
            try Self.readAll(path)
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// A table "gradients" with these columns.
    private func gradients(_ names: [String], _ columns: [(String, [Double], [Int])]) -> (HDF5Group) throws -> Void {
        { root in
            for (name, values, shape) in columns { try root.create("gradients/\(name)", values, shape: shape) }
            try root.requireGroup("gradients").attributes.write("columns", .strings(names))
        }
    }

    @Test func tablesAreCheckedBeforeAnyoneUsesThem() throws {
        let step = ("step", [1.0, 2], [2])
        let cases: [(String, (HDF5Group) throws -> Void, String)] = [
            ("whole", gradients(["step", "a"], [step, ("a", [1, 2], [2])]), ""),
            ("named twice", gradients(["step", "a", "a"], [step, ("a", [1, 2], [2])]), "column a twice"),
            ("no columns", gradients([], [step]), "first column is missing"),
            ("another first", gradients(["a", "step"], [step, ("a", [1, 2], [2])]), "first column is a"),
            ("shorter", gradients(["step", "a"], [step, ("a", [1], [1])]), "column a has 1 row"),
            ("two axes", gradients(["step", "a"], [step, ("a", [1, 2], [2, 1])]), "shape [2, 1]"),
            ("a scalar", gradients(["step"], [("step", [1], [])]), "shape []"),
            ("vectors of other rows", gradients(["step"], [step, ("v", [1, 2, 3], [3, 1])]), "column v has 3 rows"),
            ("vectors of nothing", gradients(["step"], [step, ("v", [], [2, 0])]), "are empty"),
            ("a missing column", gradients(["step", "b"], [step]), "gradients/b"),
            ("NaN", gradients(["step"], [("step", [.nan], [1])]), "step nan"),
            ("too large", gradients(["step"], [("step", [1e300], [1])]), "step 1e+300"),
            ("infinite", gradients(["step"], [("step", [.infinity], [1])]), "step inf"),
            ("negative", gradients(["step"], [("step", [-1], [1])]), "step -1"),
            ("a fraction", gradients(["step"], [("step", [0.5], [1])]), "step 0.5"),
            ("backwards", gradients(["step"], [("step", [2, 1], [2])]), "out of order: step 2, then 1"),
            ("one step twice", gradients(["step"], [("step", [1, 1], [2])]), ""),
            (
                "no texts", { try $0.requireGroup("gradients").attributes.write("columns", .integer(3)) },
                "name its columns"
            ),
            (
                "strings",
                { root in
                    try root.create("gradients/step", ["1", "2"])
                    try root.requireGroup("gradients").attributes.write("columns", .strings(["step"]))
                }, "strings"
            ),
        ]
        for (name, change, expected) in cases {
            try write(change)
            let text = complaint()
            #expect(expected.isEmpty ? text.isEmpty : text.contains(expected), "\(name): \(text)")
            #expect(text.isEmpty || text.contains(path) && text.contains("gradients"), "\(name): \(text)")
        }
    }

    @Test func anAccuracyIsAFraction() throws {
        for (value, isPossible) in [(0, true), (1, true), (.nan, true), (7, false), (-0.1, false), (.infinity, false)] {
            try write { root in
                try root.create("evaluation/context/step", [1.0], shape: [1])
                try root.create("evaluation/context/linear", [value as Double], shape: [1])
                try root.create("evaluation/context/rankme", [7.0], shape: [1])
                try root.group("evaluation/context").attributes.write(
                    "columns", .strings(["step", "linear", "rankme"]))
            }
            let text = complaint()
            #expect(
                isPossible
                    ? text.isEmpty
                    : text.contains("/evaluation/context: its column linear, fractions from 0 to 1, holds"),
                "\(value): \(text)")
        }
    }

    /// Rows that nobody wrote cost a file nothing, and every reader of the table the time to go through them.
    @Test func tablesTakeNoMoreThanTheirFile() throws {
        let rows = 1 << 20
        try write { root in
            for column in ["step", "a", "b"] {
                _ = try root.create("gradients/\(column)", .float64, shape: [rows], storage: .init(chunk: [1024]))
            }
            try root.group("gradients").attributes.write("columns", .strings(["step", "a", "b"]))
        }
        #expect(complaint().contains("/gradients: its columns claim more than 16 MiB"), "\(complaint())")
        #expect(HDF5Bounds.tables(ofFile: 1 << 30) == 1 << 34)
    }

    @Test func arraysThatDoNotFitTogetherAreErrors() throws {
        let cases: [(String, (HDF5Group) throws -> Void)] = [
            ("no matrix", { try $0.create("embeddings/target/step_9", [1, 2] as [Float], shape: [2]) }),
            ("rows of nothing", { try $0.create("embeddings/target/step_9", [] as [Float], shape: [1 << 40, 0]) }),
            ("an external link", { try $0.linkExternally("elsewhere", toFile: "other.h5") }),
            ("an external table", { try $0.linkExternally("steps2/step", toFile: "/dev/zero") }),
            ("deep groups", { _ = try $0.requireGroup(Array(repeating: "g", count: 40).joined(separator: "/")) }),
        ]
        for (name, change) in cases {
            try write(change)
            #expect(complaint().contains(path), "\(name): \(complaint())")
        }
    }

    @Test func aConfigurationThatIsNoneIsAnErrorWithTheRunsRemedy() throws {
        try Self.base(at: path)
        let old = try HDF5File(reading: path).root
        for text in ["{", String(repeating: "[", count: 100_000), #"{"model": {"width": 4611686018427387904}}"#] {
            try HDF5Output.write(to: path) { root in
                for name in try old.attributes.names() {
                    if let value = try old.attributes.read(name) { try root.attributes.write(name, value) }
                }
                try root.create("configuration", text)
                _ = try root.requireGroup("provenance")
            }
            #expect(complaint().contains("/configuration") && complaint().contains("rerun"), "\(complaint())")
            #expect(!complaint().contains("model.width: model.width"), "\(complaint())")
        }
    }

    @Test func goingOnWithAnotherRunsTablesIsAnErrorOfTheNextCommit() throws {
        try Self.base(at: path)
        let writer = try RunWriter.resume(at: path, keepingThroughStep: 3)
        writer.append("evaluation/target", ["step": 4, "knn_20": 0.5])
        writer.append(vector: [1, 2], to: "evaluation/target", column: "singular_values")
        #expect { try writer.commit() } throws: {
            "\($0)".contains("singular_values holds vectors of 3 numbers") && "\($0)".contains("rerun")
        }
        let second = try RunWriter.resume(at: path, keepingThroughStep: 3)
        second.append("evaluation/target", ["step": 4, "singular_values": 0.5])
        #expect { try second.commit() } throws: { "\($0)".contains("holds vectors") }
        // What was there is untouched.
        #expect(complaint().isEmpty)
    }

    /// What `break_results.py` does to a finished run, on a small one, with a fixed seed: with the seal every flip is
    /// told. Without it, and with a seal made anew, flips in the numbers are left to the checksums of the arrays; those in
    /// the structure may crash the library, and are not tried.
    @Test func everyFlippedBitOfASealedFileIsTold() throws {
        try Self.base(at: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var state: UInt64 = 1
        for _ in 0..<300 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let place = Int(state >> 33) % whole.count
            var damaged = whole
            damaged[damaged.startIndex + place] ^= 1 << UInt8(state >> 60 & 7)
            try damaged.write(to: URL(fileURLWithPath: path))
            let text = complaint()
            #expect(text.contains("damaged") && text.contains("rerun"), "byte \(place): \(text)")
        }
    }

    @Test func filesOfEarlierVersionsAreReadUnverified() throws {
        try Self.base(at: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try whole.dropFirst(512).write(to: URL(fileURLWithPath: path))
        #expect(complaint().isEmpty)
        #expect(try !RunFile(path: path).isVerified)
    }
}
