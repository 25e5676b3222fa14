import Foundation
import RunStore
import TestSupport
import Testing

@testable import cjepa_exp

/// A run's live files hold what the exports of its results hold, also after it was killed.
@Suite struct LiveMetricsRunTests {
    private let folder: TemporaryFolder
    private static let keys = ["resources.tensorboard=true", "resources.json_lines=true"]

    init() throws { folder = try TemporaryFolder() }

    private func objects(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    /// Table, step and column → number, of tables with one row a step.
    private func values(_ objects: [[String: Any]]) throws -> [String: Double] {
        var values: [String: Double] = [:]
        for object in objects {
            let table = try #require(object["table"] as? String)
            let step = try #require(object["step"] as? Double)
            if ["linear_heads", "logistic_path"].contains(where: table.hasPrefix) { continue }
            for (name, value) in object {
                if let number = value as? Double, !["step", "seed"].contains(name) {
                    #expect(values.updateValue(number, forKey: "\(table) \(Int(step)) \(name)") == nil)
                }
            }
        }
        return values
    }

    private func expectTheExports(_ run: WorkerRun) throws {
        let live = run.directory.liveFolder
        for format in ["jsonl", "tensorboard"] {
            let export = try Program.run([
                "export", run.directory.path, "--metrics", "--format", format, "--output", "\(folder.path)/\(format)",
            ])
            #expect(export.status == 0, "\(export.error)")
        }
        let lines = try values(objects(live + "/metrics.jsonl"))
        #expect(lines == (try values(objects(folder.path + "/jsonl/metrics.jsonl"))))
        for name in ["steps 1 loss", "evaluation/target 24 knn_20", "evaluation/context 0 knn_20"] {
            #expect(lines[name] != nil, "\(name)")
        }
        #expect(lines.keys.contains { $0.hasPrefix("diagnostics/target/") })
        let scalars = try EventReader.scalars(inFolder: live)
        #expect(scalars.count > 100)
        #expect(
            scalars
                == (try EventReader.scalars(inFolder: "\(folder.path)/tensorboard/\(run.directory.name)")))
    }

    @Test func `A run that is killed and resumed ends with the series of its results`() throws {
        let run = try WorkerRun(
            in: folder, set: Self.keys + ["training.steps=48", "resources.checkpoint_steps=8"])
        let killed = try run.start { process, _ in
            run.waitForCheckpoint(of: 8, process)
            kill(process.processIdentifier, SIGKILL)
        }
        #expect(killed.status == SIGKILL)
        // As a process leaves it that is killed after more steps, within a line.
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: run.directory.liveLinesFile))
        try file.seekToEnd()
        try file.write(contentsOf: Data("{\"step\":47,\"table\":\"steps\",\"loss\":9}\n{\"step\":48,\"t".utf8))
        try file.close()
        let resumed = try run.start()
        #expect(resumed.status == 0 && run.state?.status == .done, "\(resumed.error)")
        let events = try FileManager.default.contentsOfDirectory(atPath: run.directory.liveFolder)
            .filter { $0.contains("tfevents") }
        #expect(events.count == 2)
        try expectTheExports(run)
    }

    @Test func `Live files that cannot be written are a warning, and the run is done`() throws {
        let run = try WorkerRun(in: folder, set: Self.keys)
        try Data().write(to: URL(fileURLWithPath: run.directory.liveFolder))
        let program = try run.start()
        #expect(program.status == 0 && run.state?.status == .done, "\(program.error)")
        #expect(program.error.components(separatedBy: "the live files lag behind").count == 2, "\(program.error)")
    }
}
