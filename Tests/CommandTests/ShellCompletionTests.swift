import Foundation
import Testing

/// The generated completion script in a real bash, on folders that look like results.
@Suite struct ShellCompletionTests {
    /// What bash offers for the last word of a command line.
    private func offers(_ words: [String], in folder: TemporaryFolder) throws -> [String] {
        // bash calls the program by the first word of the command line.
        let line = [Program.path] + words
        let script = """
            source <("$1" --generate-completion-script bash) || exit 1
            shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
            COMP_POINT=${#COMP_LINE}
            function=$(complete -p cjepa-exp | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
            "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let shell = try Program.run(
            ["-c", script, "bash", Program.path] + line, executable: "/bin/bash", in: folder.path)
        #expect(shell.status == 0, "\(shell.error)")
        #expect(shell.error.isEmpty, "\(shell.error)")
        return shell.output.split(separator: "\n").map(String.init)
    }

    /// Two experiments that share a run.
    private func results(named name: String = "results") throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (experiment, runs) in [
            ("smoke", ["ijepa-s0-01234567", "shared-s0-89abcdef"]),
            ("small", ["cjepa-s0-00112233", "shared-s0-89abcdef"]),
        ] {
            for run in runs {
                let path = "\(folder.path)/\(name)/\(experiment)/\(run)"
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                _ = try folder.write("{}", to: "\(name)/\(experiment)/\(run)/plan.json")
            }
            _ = try folder.write("{}", to: "\(name)/\(experiment)/experiment.json")
        }
        _ = try folder.write("", to: "mine.spec")
        _ = try folder.write("", to: "mine.txt")
        return folder
    }

    @Test(arguments: ["show", "logs", "tag", "diff", "rerun", "attention", "export"])
    func runsAreCompleted(_ command: String) throws {
        let folder = try results()
        #expect(try offers([command, "ij"], in: folder) == ["ijepa-s0-01234567"])
        #expect(try offers([command, "smoke/s"], in: folder) == ["smoke/shared-s0-89abcdef"])
    }

    @Test func aNameThatTwoExperimentsHaveIsOfferedWithTheExperiment() throws {
        #expect(
            try offers(["show", ""], in: results()).filter { !$0.hasPrefix("-") } == [
                "cjepa-s0-00112233", "small/shared-s0-89abcdef", "ijepa-s0-01234567", "smoke/shared-s0-89abcdef",
            ])
    }

    @Test(arguments: [["status"], ["table"], ["report"], ["clean"], ["export"], ["rerun", "--failed"]])
    func experimentsAreCompleted(_ command: [String]) throws {
        let names = try offers(command + ["smo"], in: results())
        // `export` takes runs as well.
        #expect(names.first == "smoke")
        #expect(names.allSatisfy { $0.hasPrefix("smoke") })
    }

    @Test func theResultsFolderOfTheCommandLineIsSearched() throws {
        let folder = try results(named: "elsewhere")
        #expect(try offers(["show", "ij"], in: folder) == [])
        #expect(try offers(["show", "--results", "elsewhere", "ij"], in: folder) == ["ijepa-s0-01234567"])
    }

    @Test func specsKeysAndMetricsAreCompleted() throws {
        let folder = try results()
        #expect(try offers(["run", "mi"], in: folder) == ["mine.spec"])
        #expect(try offers(["run", "mine.spec", "--set", "training.st"], in: folder) == ["training.steps="])
        #expect(try offers(["table", "smoke", "--metric", "context.lin"], in: folder).contains("context.linear"))
    }

    @Test func missingResultsAreNoError() throws {
        #expect(try offers(["show", "ij"], in: TemporaryFolder()) == [])
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func everyShellHasAScript(_ shell: String) throws {
        let script = try Program.run(["--generate-completion-script", shell])
        #expect(script.status == 0)
        #expect(script.output.contains("---completion"), "no question to the program")
    }
}
