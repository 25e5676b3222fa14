import Foundation
import Subprocess

/// A program of the system that is asked something and answers with text.
package enum SystemCommand {
    package struct Result: Sendable {
        package var isSuccess: Bool
        package var output: String
        package var error: String
    }

    /// Runs a program of the search path to its end.
    ///
    /// - Throws: What keeps it from starting, or an answer beyond 16 MiB.
    package static func run(_ program: String, _ arguments: [String]) async throws -> Result {
        try SubprocessThreads.require()
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), output: .string(limit: 1 << 24),
            error: .string(limit: 1 << 20))
        return Result(
            isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput,
            error: result.standardError.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Where the search path has a program; none where it has not.
    package static func path(of program: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/\(program)" }.first(where: FileManager.default.isExecutableFile)
    }
}
