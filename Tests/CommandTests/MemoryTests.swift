import Foundation
import RunStore
import Testing

/// Memory that runs out is said so: not a crash, and nothing that never ends.
@Suite struct MemoryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A command with so many KiB of address space, and a minute at most.
    private func run(_ arguments: [String], addressSpace: Int) throws -> Program {
        try Program.run(
            ["-c", "ulimit -v \(addressSpace) && exec timeout -s KILL 60 \"$0\" \"$@\"", Program.path] + arguments,
            executable: "/bin/sh")
    }

    /// Enough for the program, not for the buffer that OpenBLAS asks for again and again.
    private let little = 260_000

    @Test func aRunWithLittleMemoryEndsAsOutOfMemory() throws {
        let program = try run(
            ["run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa", "--json"], addressSpace: little)
        #expect(program.status == 1, "\(program.error)")
        let run = try #require((try program.json()["runs"] as? [[String: Any]])?.first)
        #expect(run["result"] as? String == "failed")
        #expect(run["failure"] as? String == "out_of_memory", "\(program.error)")
        #expect((run["message"] as? String)?.contains("the system refused its request for memory") == true)
        #expect((run["message"] as? String)?.contains("ulimit -v") == true)
        let directory = RunDirectory(path: try #require(run["path"] as? String))
        let log = try String(contentsOfFile: directory.logFile, encoding: .utf8)
        #expect(log.contains("error: out of memory: the system refused "), "\(log)")
        let state = try #require(try directory.loadState())
        #expect(state.status == .failed && state.failure == .outOfMemory && state.pid == nil)
        // With enough of it the same command goes on.
        let again = try Program.run(["run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa"])
        #expect(again.status == 0, "\(again.error)")
    }

    /// With less memory still there are no threads to watch workers with, and whoever waited for them would wait for ever.
    /// How much that takes depends on the number of cores.
    @Test(arguments: [190_000, 200_000, 210_000, 220_000, 240_000])
    func aRunEndsHoweverLittleMemoryThereIs(addressSpace: Int) throws {
        let program = try run(
            ["run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa"], addressSpace: addressSpace)
        // 137 is the end of the minute; what else a program may die of that cannot even be loaded does not matter.
        #expect(![0, 9, 137].contains(program.status), "\(program.status): \(program.error)")
    }

    /// The rehearsal needs the same buffers.
    @Test func aPlanWithLittleMemoryEndsWithAWordAboutIt() throws {
        let program = try run(["plan", SmokeRun.spec, "--results", folder.path], addressSpace: 400_000)
        #expect(program.status == 71, "\(program.error)")
        #expect(program.error.contains("error: out of memory: the system refused "), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    // MARK: What cannot fit

    private let large = ["--set", "model.width=30000", "--set", "model.depth=64", "--set", "model.heads=3"]

    @Test(arguments: ["plan", "run"])
    func modelsThatCannotFitAreRefusedBeforeAnythingStarts(command: String) throws {
        let program = try Program.run([command, SmokeRun.spec, "--results", folder.path + "/results"] + large)
        #expect(program.status == 64, "\(program.error)")
        #expect(program.error.contains("smoke.spec: error: "), "\(program.error)")
        #expect(program.error.contains(" and 2 other runs need up to about "), "\(program.error)")
        #expect(program.error.contains("TiB of memory each, but "), "\(program.error)")
        #expect(program.error.contains("\n    → use a smaller model or batch"), "\(program.error)")
        #expect(program.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/results"))
    }

    @Test func aSpecMaySayHowMuchMemoryThereIs() throws {
        let program = try Program.run(["plan", SmokeRun.spec, "--set", "resources.memory_gib=0.01"])
        #expect(program.status == 64)
        #expect(program.error.contains("resources.memory_gib: 0.01 GiB for all runs"), "\(program.error)")
    }

    @Test func resultsThatTheDiskCannotHoldAreRefused() throws {
        // In memory, so that there is not much room; a run keeps checkpoints of some terabyte.
        let results = "/dev/shm/cjepa-exp-\(UUID())"
        let program = try Program.run([
            "run", SmokeRun.spec, "--results", results, "--set", "resources.checkpoints_kept=1000", "--set",
            "model.width=768", "--set", "model.depth=12",
        ])
        #expect(program.status == 64)
        #expect(program.error.contains("\(results)/smoke: error: "), "\(program.error)")
        #expect(program.error.contains("TiB of disk space, but only "), "\(program.error)")
        #expect(!FileManager.default.fileExists(atPath: results))
    }

    /// The machine that plans for a cluster is not the one that trains.
    @Test func forAClusterWhatDoesNotFitHereIsAWarning() throws {
        let plan = try Program.run(["plan", SmokeRun.spec, "--launcher", "slurm"] + large)
        #expect(plan.status == 0, "\(plan.error)")
        #expect(plan.error.contains("warning: ") && plan.error.contains("TiB of memory each, but "), "\(plan.error)")
        #expect(plan.output.contains("3 of 3 runs to start"))
        let script = try Program.run(
            ["run", SmokeRun.spec, "--results", folder.path, "--launcher", "slurm", "--dry-run"] + large)
        #expect(script.status == 0, "\(script.error)")
        #expect(script.error.contains("warning: "), "\(script.error)")
        #expect(script.output.contains("#SBATCH"))
    }
}
