import Foundation
import Testing

/// Runs experiments/smoke.spec once for a whole suite, into a folder that goes away with it.
struct SmokeRun: SuiteTrait, TestScoping {
    /// Folder of the results, inside the suite.
    @TaskLocal static var results = ""
    /// What `run` printed.
    @TaskLocal static var program = Program(status: -1, output: "", error: "")

    static let spec = "experiments/smoke.spec"

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let program = try Program.run(["run", Self.spec, "--results", folder.path])
        try await Self.$results.withValue(folder.path) {
            try await Self.$program.withValue(program) { try await function() }
        }
        withExtendedLifetime(folder) {}
    }
}

extension Trait where Self == SmokeRun {
    static var smokeRun: SmokeRun { SmokeRun() }
}

extension Program {
    /// Standard output as a JSON object whose keys are all in snake_case.
    ///
    /// Keys of `differences` are key paths of the spec: snake_case with dots between.
    func checkedJSON() throws -> [String: Any] {
        #expect(status == 0, "\(error)")
        let object = try json()
        let keys = Self.keys(of: object)
        #expect(!keys.isEmpty)
        for key in keys { #expect(key.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil, "\(key)") }
        return object
    }

    private static func keys(of value: Any, isKeyPaths: Bool = false) -> Set<String> {
        if let list = value as? [Any] { return list.reduce(into: []) { $0.formUnion(keys(of: $1)) } }
        guard let object = value as? [String: Any] else { return [] }
        return object.reduce(into: []) { all, entry in
            all.formUnion(isKeyPaths ? entry.key.split(separator: ".").map(String.init) : [entry.key])
            all.formUnion(keys(of: entry.value, isKeyPaths: entry.key == "differences"))
        }
    }
}
