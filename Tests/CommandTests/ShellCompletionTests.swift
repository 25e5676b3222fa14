import Foundation
import Testing

/// The generated completion script in a real bash, on folders that look like results.
@Suite struct ShellCompletionTests {
    /// What bash offers for the last word of a command line, or for what follows the last "=" in it.
    private func offers(_ words: [String], in folder: TemporaryFolder) throws -> [String] {
        // bash calls the program by the first word of the command line.
        let line = [Program.path] + words
        // As bash does, "=" is made a word of its own, and what is completed begins after it.
        let script = """
            source <("$1" --generate-completion-script bash) || exit 1
            shift
            COMP_LINE="$*"
            COMP_POINT=${#COMP_LINE} COMP_WORDS=()
            for word in "$@"; do
                while [[ "$word" == *=* ]]; do
                    [[ "$word" == =* ]] || COMP_WORDS+=("${word%%=*}")
                    COMP_WORDS+=("=")
                    word="${word#*=}"
                    [[ -n "$word" ]] || continue 2
                done
                COMP_WORDS+=("$word")
            done
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            current="${COMP_WORDS[COMP_CWORD]}"
            function=$(complete -p cjepa-exp | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
            "$function" "$1" "${current#=}" "${COMP_WORDS[COMP_CWORD - 1]}"
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

    /// bash takes "=" as the end of a word and replaces only what follows it.
    @Test func namesAndSettingsWithAnEqualsSignAreCompleted() throws {
        let folder = try results()
        for run in ["weight=0.01.ema-s0-01234567", "weight=0.001.ema-s0-01234567", "weight=1.ema-s0-01234567"] {
            let path = "results/small/\(run)"
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(path)", withIntermediateDirectories: true)
            _ = try folder.write("{}", to: path + "/plan.json")
        }
        #expect(try offers(["show", "weight=1"], in: folder) == ["1.ema-s0-01234567"])
        #expect(try offers(["show", "weight=0.0"], in: folder) == ["0.001.ema-s0-01234567", "0.01.ema-s0-01234567"])
        #expect(try offers(["show", "weight="], in: folder).count == 3)
        #expect(try offers(["show", "small/weight=1"], in: folder) == ["1.ema-s0-01234567"])
        #expect(try offers(["diff", "weight=1.ema-s0-01234567", "ij"], in: folder) == ["ijepa-s0-01234567"])
        let precisions = ["float32", "bf16", "auto"]
        #expect(try offers(["run", "mine.spec", "--set", "training.precision="], in: folder) == precisions)
        #expect(try offers(["run", "mine.spec", "--set=training.precision=b"], in: folder) == ["bf16"])
    }

    @Test func theValueAfterAnOptionsEqualsSignIsCompleted() throws {
        let folder = try results(named: "elsewhere")
        #expect(try offers(["show", "--results=else"], in: folder) == ["elsewhere"])
        #expect(try offers(["show", "--results=elsewhere", "ij"], in: folder) == ["ijepa-s0-01234567"])
    }

    @Test func anExperimentsNameIsCompletedToItsRuns() throws {
        #expect(
            try offers(["show", "smo"], in: results()) == ["smoke/ijepa-s0-01234567", "smoke/shared-s0-89abcdef"])
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
