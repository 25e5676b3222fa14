import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import cjepa_exp

/// What commands print, and where.
@Suite(.smokeRun) struct ConsoleTests {
    /// A copy of the smoke run's results that a test may spoil.
    private func copy() throws -> (folder: TemporaryFolder, run: RunDirectory) {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: SmokeRun.results + "/smoke", toPath: folder.path + "/smoke")
        return (folder, try #require(try RunDirectory.all(inExperiment: folder.path + "/smoke").first))
    }

    private func hasControls(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t" }
    }

    @Test func controlCharactersOfFilesAreMadeVisible() throws {
        let (folder, run) = try copy()
        var state = try #require(try run.loadState())
        state.status = .failed
        state.exitReason = "why\u{1B}[2J\u{9B}"
        state.message = "because\u{07}"
        try run.save(state)
        try Data("log\u{1B}]0;title\u{07}\r\u{08}\n".utf8).write(to: URL(fileURLWithPath: run.logFile))
        let name = "smoke/" + run.name
        for (arguments, visible) in [
            (["status", "smoke"], #"why\u001b[2J\u009b"#), (["show", name], #"\u001b[2J"#),
            (["logs", name], #"log\u001b]0;title\u0007\u000d\u0008"#),
            (["table", "smoke"], #"because\u0007"#), (["status", "smoke", "--json"], #"\u001b[2J\u009b"#),
        ] {
            let program = try Program.run(arguments + ["--results", folder.path])
            #expect(!hasControls(program.output + program.error), "\(arguments)")
            #expect(program.output.contains(visible), "\(arguments): \(program.output)")
        }
        // JSON says the same as the file.
        let status = try Program.run(["status", "smoke", "--json", "--results", folder.path]).json()
        let reasons = (status["runs"] as? [[String: Any]] ?? []).compactMap { $0["reason"] as? String }
        #expect(reasons.contains { $0.contains("why\u{1B}[2J\u{9B}") }, "\(status)")
    }

    @Test func controlCharactersInErrorsAreMadeVisible() throws {
        let (folder, run) = try copy()
        let plan = try String(contentsOfFile: run.planFile, encoding: .utf8)
        try plan.replacingOccurrences(of: "\"ijepa\"", with: "\"\\u001b[31m\"")
            .replacingOccurrences(of: "\"cjepa\"", with: "\"\\u001b[31m\"")
            .write(toFile: run.planFile, atomically: true, encoding: .utf8)
        try Data(#"{"status":"done\u001b[31m"}"#.utf8).write(to: URL(fileURLWithPath: run.stateFile))
        for arguments in [["show", "smoke/" + run.name], ["status", "smoke"], ["table", "smoke"]] {
            let program = try Program.run(arguments + ["--results", folder.path])
            #expect(!hasControls(program.output + program.error), "\(arguments)")
        }
    }

    /// Everything goes through `Console`, where control characters are made visible.
    @Test func commandsWriteInOnePlace() throws {
        let sources = Program.repository + "/Sources/cjepa-exp"
        let files = try FileManager.default.subpathsOfDirectory(atPath: sources).filter { $0.hasSuffix(".swift") }
        #expect(files.count > 50)
        for file in files where file != "Console.swift" {
            let text = try String(contentsOfFile: sources + "/" + file, encoding: .utf8)
            for other in ["FileHandle.standardError", "FileHandle.standardOutput", "Swift.print", "fputs("] {
                #expect(!text.contains(other), "\(file): \(other)")
            }
        }
    }

    @Test func aPlanSaysWhatItTimesAndEndsWithOneTotal() throws {
        let folder = try TemporaryFolder()
        let program = try Program.run(["plan", SmokeRun.spec, "--results", folder.path])
        #expect(program.status == 0, "\(program.error)")
        #expect(program.error.contains("timing training steps of 3 configurations …\n"), "\(program.error)")
        #expect(!hasControls(program.error))
        // Below the table no other time is named.
        let summary = try #require(program.output.split(separator: "\n\n").last)
        let times = summary.matches(of: /\b\d+(s|m|h|d)\b/).map(\.output.0)
        let total = try #require(summary.firstMatch(of: /time about (.+) in all/)?.output.1)
        #expect(times.map(String.init) == total.split(separator: " ").map(String.init), "\(summary)")
        #expect(program.output.contains("at once with"))
    }

    // MARK: Links

    @Test func resultsAreNotWrittenThroughLinks() throws {
        let folder = try TemporaryFolder()
        let run = try WorkerRun(in: folder)
        let secret = try folder.write("untouched", to: "secret")
        let files = [
            run.directory.stateFile, run.directory.resultsFile + ".partial", run.directory.stateFile + ".partial",
            run.directory.checkpoints.path(step: 24) + ".partial",
        ]
        for file in files {
            try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: secret)
        }
        try FileManager.default.removeItem(atPath: run.directory.stateFile)
        let program = try run.start()
        #expect(program.status == 0, "\(program.error)")
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == "untouched")
        #expect(run.state?.status == .done)
    }

    @Test(arguments: [".lock", "log.txt"])
    func aLinkInPlaceOfALockOrALogIsRefusedByName(name: String) throws {
        let folder = try TemporaryFolder()
        let secret = try folder.write("untouched", to: "secret")
        let arguments = ["run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa"]
        let run = try #require(
            try loadSpec(Program.repository + "/" + SmokeRun.spec, only: ["ijepa"]).runs.first)
        let directory = RunDirectory(path: folder.path + "/smoke/" + run.directoryName)
        try directory.create()
        let link = (name == ".lock" ? folder.path + "/smoke/" : directory.path + "/") + name
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: secret)
        let program = try Program.run(arguments)
        #expect(program.status == (name == ".lock" ? 64 : 1), "\(program.error)")
        #expect(program.error.contains(link) && program.error.contains("it is a symbolic link"), "\(program.error)")
        #expect(program.error.contains("remove the link"), "\(program.error)")
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == "untouched")
    }

    @Test func aFolderForResultsMayBeALink() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/real", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/linked", withDestinationPath: folder.path + "/real")
        let program = try Program.run([
            "run", SmokeRun.spec, "--results", folder.path + "/linked", "--only", "ijepa",
        ])
        #expect(program.status == 0, "\(program.error)")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/real/smoke/experiment.json"))
    }
}
