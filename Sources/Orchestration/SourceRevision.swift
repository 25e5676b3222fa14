import Foundation
import Subprocess
import SystemPackage

/// Which revision of the sources a program belongs to.
package enum SourceRevision {
    /// What git says about the checkout around the program's file, "1a2b3c… (modified)"; nil outside a checkout or
    /// without git. Read when called, so it is the revision of now, not of the build.
    package static func current(program: String = "/proc/self/exe") async -> String? {
        let file = (try? FileManager.default.destinationOfSymbolicLink(atPath: program)) ?? program
        let folder = (file as NSString).deletingLastPathComponent
        // The revision first, then a line for each change to a tracked file.
        guard let revision = await git(["rev-parse", "HEAD"], in: folder)?.first else { return nil }
        guard let changes = await git(["status", "--porcelain", "--untracked-files=no"], in: folder) else {
            return revision
        }
        return changes.isEmpty ? revision : "\(revision) (modified)"
    }

    private static func git(_ arguments: [String], in folder: String) async -> [String]? {
        guard (try? SubprocessThreads.require()) != nil else { return nil }
        let result = try? await Subprocess.run(
            .name("git"), arguments: Arguments(["-C", folder] + arguments), output: .string(limit: 1 << 20))
        guard let result, result.terminationStatus.isSuccess else { return nil }
        return result.standardOutput.split(separator: "\n").map(String.init)
    }
}
