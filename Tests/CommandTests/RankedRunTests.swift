import Foundation
import Testing

/// Runs of several processes under Open MPI.
@Suite(.serialized) struct RankedRunTests {
    static let mpirun = ["/usr/bin/mpirun", "/usr/local/bin/mpirun"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private static let spec = """
        data: {dataset: fashion_mnist_sample, train_subset: 64}
        model:
          {width: 16, depth: 2, heads: 2, image_size: 28, patch_size: 4, channels: 1, init: xavier,
           predictor: {width: 8, depth: 1}}
        masks.min_keep: 4
        objective.vicreg: {weight: 0.01, projector: {kind: mlp, widths: [16, 16, 8]}}
        training: {batch_size: 16, steps: 6}
        evaluation:
          {every_steps: 3, train_images: 200, test_images: 100, knn.k: [5], linear: {lr: [0.1], weight_decay: [0], epochs: 1}}
        resources: {shards: 16, threads: 1}
        seeds: [0]
        matrix: {axes: [{name: arm, variants: {a: {}}}]}
        baseline: a

        """

    /// Every result of the only run: metrics, bytes of the last checkpoint's tensors.
    private struct Outcome: Equatable {
        var status: String
        var step: Int
        var metrics: [String: Double]
        var folder: String

        static func == (a: Outcome, b: Outcome) -> Bool {
            a.status == b.status && a.step == b.step && a.metrics == b.metrics
        }
    }

    private func outcome(of experiment: String, results: String) throws -> Outcome {
        let program = try Program.run(["status", experiment, "--results", results, "--json"])
        let rows = try #require(try program.json()["runs"] as? [[String: Any]])
        let row = try #require(rows.first)
        return Outcome(
            status: try #require(row["status"] as? String), step: try #require(row["step"] as? Int),
            metrics: try #require(row["metrics"] as? [String: Double]),
            folder: try #require(row["directory"] as? String))
    }

    @Test(
        "2 and 4 ranks give every number of one process", .enabled(if: mpirun != nil, "install openmpi-bin"))
    func sameNumbers() throws {
        let scratch = try TemporaryFolder()
        let spec = try scratch.write(Self.spec, to: "ranks.spec")
        var outcomes: [Outcome] = []
        for (ranks, rounds) in [(1, 1), (2, 2), (4, 1)] {
            let results = "\(scratch.path)/\(ranks)"
            let program = try Program.run([
                "run", spec, "--results", results, "--ranks", "\(ranks)", "--set", "resources.accumulate=\(rounds)",
            ])
            #expect(program.status == 0, "\(program.error)")
            let outcome = try outcome(of: "ranks", results: results)
            #expect(outcome.status == "done" && outcome.step == 6 && outcome.metrics.count > 10)
            let log = try String(contentsOfFile: outcome.folder + "/log.txt", encoding: .utf8)
            #expect(!log.contains("error"), "\(log)")
            outcomes.append(outcome)
        }
        #expect(outcomes[1] == outcomes[0])
        #expect(outcomes[2] == outcomes[0])
    }

    @Test(
        "SIGTERM to any rank stops all after the same step with a checkpoint, and other ranks go on from it",
        .enabled(if: mpirun != nil, "install openmpi-bin"))
    func stops() throws {
        let scratch = try TemporaryFolder()
        let spec = try scratch.write(Self.spec, to: "ranks.spec")
        let folder = try begin(spec, in: scratch, steps: 3000)
        let program = try launch(folder, ranks: 2) { _ in
            try signal(SIGTERM, folder: folder)
        }
        #expect(program.status == 75, "\(program.error)")
        let stopped = try outcome(of: "ranks", results: scratch.path + "/results")
        #expect(stopped.status == "interrupted" && stopped.step < 3000)
        #expect(try launch(folder, ranks: 4).status == 0)
        let whole = scratch.path + "/whole"
        #expect(
            try Program.run(["run", spec, "--results", whole] + Self.length(3000)).status == 0)
        #expect(
            try outcome(of: "ranks", results: scratch.path + "/results") == outcome(of: "ranks", results: whole))
    }

    @Test("a rank that dies ends the job", .enabled(if: mpirun != nil, "install openmpi-bin"))
    func dies() throws {
        let scratch = try TemporaryFolder()
        let folder = try begin(try scratch.write(Self.spec, to: "ranks.spec"), in: scratch, steps: 1_000_000)
        let program = try launch(folder, ranks: 2) { _ in
            try signal(SIGKILL, folder: folder)
        }
        #expect(program.status != 0 && program.status != 75)
        #expect(try process(rank: 0, of: folder) == nil)
    }

    @Test("without Open MPI's library the error says what to install")
    func missing() throws {
        let program = try Program.run(
            ["worker", "/nowhere", "--mpi"], environment: ["CJEPA_MPI_LIBRARY": "/nowhere/libmpi.so"])
        #expect(program.status != 0)
        #expect(program.error.contains("cannot be loaded") && program.error.contains("openmpi-bin"), "\(program.error)")
    }

    @Test("a library that is another MPI, or none, is refused")
    func otherLibrary() throws {
        let program = try Program.run(["worker", "/nowhere", "--mpi"], environment: ["CJEPA_MPI_LIBRARY": "libm.so.6"])
        #expect(program.status != 0)
        #expect(program.error.contains("is not Open MPI's library"), "\(program.error)")
    }

    @Test("fewer shards than ranks are refused before anything runs")
    func tooManyRanks() throws {
        let scratch = try TemporaryFolder()
        let spec = try scratch.write(Self.spec, to: "ranks.spec")
        let program = try Program.run([
            "run", spec, "--results", scratch.path, "--ranks", "3", "--set", "resources.accumulate=2",
        ])
        #expect(program.status == 64)
        #expect(program.error.contains("set resources.shards: 24 or more"), "\(program.error)")
    }

    // MARK: Processes

    private static func length(_ steps: Int) -> [String] {
        [
            "--set", "training.steps=\(steps)", "--set", "evaluation.every_steps=0", "--set",
            "resources.checkpoint_steps=50",
        ]
    }

    /// A run's folder with its plan, begun and stopped as soon as there is one.
    private func begin(_ spec: String, in scratch: TemporaryFolder, steps: Int) throws -> String {
        let results = scratch.path + "/results"
        let program = try Program.run(["run", spec, "--results", results] + Self.length(steps)) { process, _ in
            try wait { exists("/state.json", below: results) }
            process.interrupt()
        }
        #expect(program.status == 75, "\(program.error)")
        return try outcome(of: "ranks", results: results).folder
    }

    private func exists(_ suffix: String, below folder: String) -> Bool {
        (try? FileManager.default.subpathsOfDirectory(atPath: folder))?.contains { $0.hasSuffix(suffix) } == true
    }

    private func launch(
        _ folder: String, ranks: Int, whileRunning: (Process) throws -> Void = { _ in }
    ) throws -> Program {
        try Program.run(
            [
                "-n", "\(ranks)", "--oversubscribe", "--bind-to", "none", "--allow-run-as-root", Program.path, "worker",
                folder,
            ], executable: try #require(Self.mpirun)
        ) { process, _ in try whileRunning(process) }
    }

    /// The process id of a rank that trains a folder's run.
    private func process(rank: Int, of folder: String) throws -> Int32? {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.first { pid in
            func lines(_ name: String) -> [Substring] {
                let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(name)") ?? Data()
                return String(decoding: data, as: UTF8.self).split(separator: "\0")
            }
            return lines("cmdline").contains { $0 == folder }
                && lines("environ").contains("OMPI_COMM_WORLD_RANK=\(rank)")
        }
    }

    /// Sends a signal to rank 1 once the ranks train: they have made a checkpoint.
    private func signal(_ number: Int32, folder: String) throws {
        func checkpoints() throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".safetensors") })
        }
        let before = try checkpoints()
        try wait { !(try checkpoints()).isSubset(of: before) }
        let pid = try #require(try process(rank: 1, of: folder))
        #expect(kill(pid, number) == 0)
    }

    private func wait(until isTrue: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(120)
        while !(try isTrue()) {
            if Date() > end { throw Overdue() }
            usleep(5_000)
        }
    }

    private struct Overdue: Error {}
}
