import Foundation
import RunStore
import Testing

/// Runs that are killed at random moments end as if nothing had happened, and their files are whole after every kill.
@Suite struct VerifyResumeTests {
    /// As many kills as a few seconds hold; CJEPA_TORTURE_SECONDS gives more.
    @Test func aRunThatIsKilledAgainAndAgainEndsBitIdentical() throws {
        let seconds = ProcessInfo.processInfo.environment["CJEPA_TORTURE_SECONDS"].flatMap { Int($0) } ?? 6
        let folder = try TemporaryFolder()
        let program = try Program.run([
            "verify-resume", SmokeRun.spec, "--only", "cjepa", "--kills", "\(100 * seconds)", "--seconds", "\(seconds)",
            "--set", "training.steps=300", "--set", "evaluation.every_steps=100", "--set",
            "resources.checkpoint_steps=2", "--threads", "3", "--json", "--scratch", folder.path,
        ])
        let report = try program.checkedJSON()
        #expect(report["identical"] as? Bool == true, "\(program.error)")
        let run = try #require((report["runs"] as? [[String: Any]])?.first)
        let kills = try #require(run["kills"] as? [[String: Any]])
        // Twenty in a second is what one core does; a loaded machine gets to few.
        #expect(kills.count >= 3, "\(program.error)")
        #expect(kills.allSatisfy { ($0["problems"] as? [Any])?.isEmpty == true })
        #expect(run["differences"] as? [String] == [])
        #expect((run["weights"] as? Int ?? 0) > 50 && (run["datasets"] as? Int ?? 0) > 50)
        #expect((run["excluded"] as? [String] ?? []).contains("/steps/step_seconds"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func aSpecWhoseRunFailsByItselfIsNoProof() throws {
        let folder = try TemporaryFolder()
        let program = try Program.run([
            "verify-resume", SmokeRun.spec, "--only", "ijepa", "--scratch", folder.path, "--set", "schedule.lr=1e25",
            "--set", "schedule.start_lr=1e25",
        ])
        #expect(program.status != 0)
        #expect(program.error.contains("without being stopped"), "\(program.error)")
        #expect(program.error.contains("is not finite at step"), "\(program.error)")
    }
}
