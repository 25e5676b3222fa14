import Foundation
import Subprocess

/// A program of the system that is asked something and answers with text.
enum SystemCommand {
    struct Result: Sendable {
        var isSuccess: Bool
        var output: String
        var error: String
    }

    /// Runs a program of the search path to its end.
    ///
    /// - Throws: What keeps it from starting, or an answer beyond 16 MiB.
    static func run(_ program: String, _ arguments: [String]) async throws -> Result {
        try SubprocessThreads.require()
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), output: .string(limit: 1 << 24),
            error: .string(limit: 1 << 20))
        return Result(
            isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput,
            error: result.standardError.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
