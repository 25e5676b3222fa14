import ExperimentSpec
import Foundation
import RunStore
import Testing

/// `run --launcher slurm` with a Slurm that is two shell scripts; Tests/Slurm has a real one.
@Suite struct SlurmCommandTests {
    private let folder: TemporaryFolder
    private var results: String { folder.path + "/results" }
    private var run: [String] {
        ["run", SmokeRun.spec, "--results", results, "--launcher", "slurm", "--partition", "short", "--cpus", "2"]
    }

    init() throws {
        folder = try TemporaryFolder()
        // Remembers what it was given, and answers with a job's number; squeue says what queue.txt says.
        try script("sbatch", "cat \"$2\" > \(folder.path)/submitted.sh; echo '77;cluster'")
        try script("squeue", "cat \(folder.path)/queue.txt")
        try script("sacct", "exit 1")
        try queue("")
    }

    private func script(_ name: String, _ text: String) throws {
        let path = try folder.write("#!/bin/bash\n\(text)\n", to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    private func queue(_ lines: String) throws {
        _ = try folder.write(lines, to: "queue.txt")
    }

    private func program(_ arguments: [String]) throws -> Program {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try Program.run(arguments, environment: ["PATH": folder.path + ":" + path])
    }

    private func actions(_ report: [String: Any]) -> [String?]? {
        (report["runs"] as? [[String: Any]])?.map { $0["action"] as? String }
    }

    @Test func aDryRunPrintsTheScriptAndWritesNothing() throws {
        let dry = try program(run + ["--dry-run", "--time", "1:00:00", "--sbatch=--account=vision"])
        #expect(dry.status == 0, "\(dry.error)")
        for line in [
            "#   0: floors", "#   1: ijepa-s0", "#SBATCH --array=0-3", "#SBATCH --partition=short",
            "#SBATCH --time=1:00:00", "#SBATCH --cpus-per-task=2", "#SBATCH --account=vision",
            "#SBATCH --signal=B:USR1@120",
        ] {
            #expect(dry.output.contains(line + "\n"), "\(line) is missing in \(dry.output)")
        }
        #expect(!FileManager.default.fileExists(atPath: results))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/submitted.sh"))
    }

    @Test func onlyWhatIsMissingAndNotQueuedIsSubmitted() throws {
        let first = try program(run + ["--json"]).checkedJSON()
        let array = try #require((first["arrays"] as? [[String: Any]])?.first)
        #expect(array["job"] as? Int == 77)
        #expect(array["tasks"] as? [String] == ["floors", "ijepa-s0", "cjepa-s0", "shared-s0"])
        #expect(actions(first) == ["start", "start", "start"])
        #expect(try String(contentsOfFile: folder.path + "/submitted.sh", encoding: .utf8).contains("--array=0-3"))

        try queue("77|0|RUNNING|None|n1\n77|1|PENDING|Priority|\n77|2|CANCELLED|None|\n77|3|RUNNING|None|n1\n")
        let status = try program(["status", "smoke", "--results", results, "--json"]).checkedJSON()
        #expect(
            (status["runs"] as? [[String: Any]])?.map { $0["status"] as? String } == ["queued", "planned", "planned"])
        let text = try program(["status", "smoke", "--results", results]).output
        #expect(text.contains("Slurm 77_1: PENDING (Priority)"), "\(text)")
        let second = try program(run + ["--json"]).checkedJSON()
        #expect(actions(second) == ["busy", "start", "busy"])
        #expect((second["arrays"] as? [[String: Any]])?.first?["tasks"] as? [String] == ["cjepa-s0"])

        // This machine starts nothing that the cluster will do.
        let local = try program([
            "run", SmokeRun.spec, "--results", results, "--json", "--only", "ijepa",
        ])
        #expect(local.status == 1)
        #expect((try local.json()["runs"] as? [[String: Any]])?.map { $0["result"] as? String } == ["busy"])
        let kept = try program(["clean", "smoke", "--run", "ijepa", "--results", results, "--json"]).checkedJSON()
        #expect((kept["kept"] as? [Any])?.count == 1 && (kept["cleaned"] as? [Any])?.isEmpty == true)
    }

    @Test
    func `Arrays and queue keep to what scontrol says, and one array waits for another where tasks at once are few`()
        throws
    {
        try script(
            "sbatch",
            "printf '%s\\n' \"$*\" >> \(folder.path)/calls.txt; echo $((77 + $(wc -l < \(folder.path)/calls.txt)))")
        try script(
            "scontrol",
            """
            case "$*" in
            *config*) echo 'MaxArraySize            = 2' ;;
            *assoc_mgr*) echo "Account=a UserName=\(NSUserName())(0) MaxSubmitJobs=5(2)" ;;
            esac
            """)
        let first = try program(run + ["--json", "--array-parallelism", "1"]).checkedJSON()
        let arrays = try #require(first["arrays"] as? [[String: Any]])
        #expect(arrays.map { $0["tasks"] as? [String] } == [["floors", "ijepa-s0"], ["cjepa-s0"]])
        #expect(first["left_out"] as? Int == 1)
        let calls = try String(contentsOfFile: folder.path + "/calls.txt", encoding: .utf8).split(separator: "\n")
        #expect(calls.count == 2 && !calls[0].contains("dependency"))
        #expect(calls.last?.contains("--dependency=afterany:78 ") == true, "\(calls)")
        // The options count in place of the cluster's limits; 78_0 is at work.
        try queue("78|0|RUNNING|None|n1\n78|1|COMPLETED|None|\n79|0|FAILED|None|\n")
        let second = try program(run + ["--max-array-size", "9", "--max-submit", "2"])
        #expect(second.output.contains("1 task submitted as job 80"), "\(second.output)")
        #expect(second.output.contains("2 tasks do not fit into the queue"), "\(second.output)")
    }

    @Test func `A line break in a path does not reach the batch script`() throws {
        let refused = try program([
            "run", SmokeRun.spec, "--results", results + "\n#SBATCH --uid=0", "--launcher", "slurm", "--dry-run",
        ])
        #expect(refused.status == 64)
        #expect(refused.error.contains("choose another folder with --results"), "\(refused.error)")
        #expect(!refused.output.contains("uid"))
    }

    @Test func aTaskDoesItsRun() throws {
        _ = try program(run + ["--only", "ijepa"])
        let files = try FileManager.default.contentsOfDirectory(atPath: results + "/smoke/slurm")
        let tasks = try #require(files.first { $0.hasSuffix(".tasks.json") })
        let task = try program(["task", results + "/smoke/slurm/" + tasks, "1", "--threads", "1"])
        #expect(task.status == 0, "\(task.error)")
        let run = try #require(try RunDirectory.all(inExperiment: results + "/smoke").first)
        #expect(try run.loadState()?.status == .done)
        let again = try program(["task", results + "/smoke/slurm/" + tasks, "1"])
        #expect(again.status == 0 && again.error.contains("already done"), "\(again.error)")
        #expect(try program(["task", results + "/smoke/slurm/" + tasks, "2"]).status == 64)
    }

    @Test func whatSbatchRefusesIsTold() throws {
        try script("sbatch", "echo 'sbatch: error: invalid partition specified: short' >&2; exit 1")
        let refused = try program(run)
        #expect(refused.status == 64)
        #expect(refused.error.contains("invalid partition specified: short"), "\(refused.error)")
        // Nothing counts as submitted.
        #expect(!FileManager.default.fileExists(atPath: results + "/smoke/slurm.json"))
    }

    @Test(arguments: [
        ["--partition", "short"], ["--launcher", "slurm", "--workers", "2"], ["--launcher", "slurm", "--cpus", "0"],
        ["--launcher", "slurm", "--sbatch", "account"], ["--launcher", "cloud"], ["--dry-run"],
    ])
    func optionsThatDoNotGoTogetherAreErrorsOfUsage(arguments: [String]) throws {
        #expect(try program(["run", SmokeRun.spec, "--results", results] + arguments).status == 64)
    }
}
