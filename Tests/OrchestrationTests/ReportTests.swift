import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

@Suite struct ReportTests {
    private func plan(seconds: Double?) -> PlanReport {
        let trial = experiment(seeds: [0, 1])
        let folder = ExperimentFolder(path: "/nonexistent/trial")
        var prepared = folder.decisions(for: trial)
        prepared[3].decision = .skip(reason: "done")
        return PlanReport(
            experiment: trial, prepared: prepared, capacity: Capacity(cores: 2, memoryBytes: 1 << 33)
        ) { configuration in
            PlanReport.Cost(
                parameters: 1_234_567, flopsPerStep: 2.5e9, steps: 200,
                memoryBytes: configuration.activeTerms.isEmpty == false ? 1 << 29 : 1 << 28, diskBytes: 3 << 20,
                seconds: seconds)
        }
    }

    @Test func thePlanShowsWhatDiffersWhatItCostsAndWhy() {
        #expect(
            plan(seconds: 60).text.hasPrefix(
                """
                experiment  trial  (trial.spec)
                question    Does it help?
                expected    Perhaps.
                baseline    a
                precision   float32

                run   vicreg.weight  params  FLOP/step  steps   memory    time      disk  will run  why
                a-s0  0               1.23M      2.50G    200  256 MiB  1m 00s  3.00 MiB  yes       new
                a-s1  0               1.23M      2.50G    200  256 MiB  1m 00s  3.00 MiB  yes       new
                b-s0  1               1.23M      2.50G    200  512 MiB  1m 00s  3.00 MiB  yes       new
                b-s1  1               1.23M      2.50G    200  512 MiB  1m 00s  3.00 MiB  no        done

                3 of 4 runs to start; 2 at once with 1 thread each on 2 cores; memory 512 MiB of 8.00 GiB; \
                disk 9.00 MiB; time about 2m 00s in all

                differs from ViT-T/16 in the paper (Mo & Tong 2024, tables 5 to 8):
                    training images: 60000 instead of 1281167 of ImageNet-1K

                """))
    }

    @Test func withoutCalibrationNoTimeIsClaimed() throws {
        let report = plan(seconds: nil)
        #expect(!report.text.contains("time"))
        let json = try #require(
            JSONSerialization.jsonObject(with: try StoredJSON.encode(report)) as? [String: Any])
        #expect(
            Set(json.keys) == [
                "experiment", "question", "expected", "baseline", "precision", "spec", "cores", "free_memory_bytes",
                "runs", "totals", "missing_data", "paper",
            ])
        let runs = try #require(json["runs"] as? [[String: Any]])
        #expect(runs.count == 4)
        #expect(runs[3]["will_run"] as? Bool == false)
        #expect(runs[3]["action"] as? String == "skip")
        #expect((runs[2]["differences"] as? [String: String]) == ["objective.vicreg.weight": "1"])
        let cost = try #require(runs[0]["cost"] as? [String: Any])
        #expect(Set(cost.keys) == ["parameters", "flops_per_step", "steps", "memory_bytes", "disk_bytes"])
    }

    @Test func statusTellsWhatIsDoneRunningFailedAndWhy() throws {
        let worker = try FakeWorker()
        let folder = ExperimentFolder(path: worker.folder)
        let trial = experiment(arms: ["a", "b", "c", "d"])
        try ExperimentRecord(trial).save(toExperiment: folder.path)
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        func save(_ index: Int, _ status: RunStatus, step: Int, reason: String? = nil, message: String? = nil) throws {
            let directory = folder.directory(of: trial.runs[index])
            try directory.create()
            try directory.save(
                RunState(
                    status: status, step: step, totalSteps: 200, attempts: 1, pid: 77, host: "here", startedAt: start,
                    updatedAt: start.addingTimeInterval(90), exitReason: reason, message: message,
                    metrics: ["knn_20": 0.625, "loss": 0.25]))
        }
        try save(0, .done, step: 200)
        try save(1, .running, step: 50)
        try save(2, .failed, step: 12, reason: "non-finite loss at step 12", message: "loss nan")
        let alive = WorkerLiveness(host: "here", isWorker: { _, _ in true }, now: { start })
        let report = try StatusReport(of: folder, liveness: alive)
        #expect(report.counts == ["done": 1, "running": 1, "failed": 1, "planned": 1])
        #expect(
            report.text == """
                trial  (\(worker.folder))

                run   status      step  20-NN (%)   loss    took  why
                a-s0  done     200/200       62.5  0.250  1m 30s
                b-s0  running   50/200       62.5  0.250  1m 30s  process 77 on here
                c-s0  failed    12/200       62.5  0.250  1m 30s  non-finite loss at step 12: loss nan
                d-s0  planned

                4 runs: 1 planned, 1 running, 1 failed, 1 done
                """)
        let dead = WorkerLiveness(host: "here", isWorker: { _, _ in false }, now: { start })
        let gone = try StatusReport(of: folder, liveness: dead).runs[1]
        #expect(gone.status == "interrupted")
        #expect(gone.pid == nil)
        #expect(gone.reason == "the worker (process 77) is gone")
    }

    @Test func statusTellsHowMuchRunsWaitForImages() throws {
        let worker = try FakeWorker()
        let folder = ExperimentFolder(path: worker.folder)
        let trial = experiment(arms: ["a"])
        try ExperimentRecord(trial).save(toExperiment: folder.path)
        let directory = folder.directory(of: trial.runs[0])
        try directory.create()
        var state = RunState(status: .done, totalSteps: 3, host: "here", startedAt: .now, updatedAt: .now)
        state.loaderWaitShare = 0.123
        try directory.save(state)
        let report = try StatusReport(of: folder)
        #expect(report.runs[0].loaderWaitShare == 0.123)
        #expect(report.text.contains("12 %"), "\(report.text)")
        #expect(
            String(decoding: try StoredJSON.encode(report), as: UTF8.self).contains("\"loader_wait_share\" : 0.123"))
    }

    @Test func statusTellsThePrecisionOfRunsThatHaveAPlan() throws {
        let worker = try FakeWorker()
        let folder = ExperimentFolder(path: worker.folder)
        let trial = experiment(arms: ["a", "b"])
        try ExperimentRecord(trial).save(toExperiment: folder.path)
        var run = trial.runs[0]
        run.configuration.training.precision = .bf16
        try folder.directory(of: trial.runs[0]).save(
            RunPlan(experiment: "trial", question: "Why?", baseline: "a", specPath: "", run: run))
        let report = try StatusReport(of: folder)
        #expect(report.runs.map(\.precision) == ["bf16", nil])
        let lines = report.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(
            lines.contains(["run", "status", "precision"]) && lines.contains(["a-s0", "planned", "bf16"]), "\(lines)")
    }

    @Test func aRunWithoutResultsShowsItsConfigurationAndState() throws {
        let worker = try FakeWorker()
        let run = experiment().runs[0]
        let directory = worker.directory(run.directoryName)
        try directory.save(RunPlan(experiment: "trial", question: "Why?", baseline: "a", specPath: "", run: run))
        let summary = try RunSummary(of: directory)
        #expect(summary.text.contains("status      planned, not started yet"))
        #expect(summary.text.contains("patch_size: 16"))
        let json = try #require(
            JSONSerialization.jsonObject(with: try StoredJSON.encode(summary)) as? [String: Any])
        let model = try #require((json["configuration"] as? [String: Any])?["model"] as? [String: Any])
        #expect(model["patch_size"] as? Int == 16)
    }

    @Test func resultsShowTheLastStepAndEveryEvaluation() throws {
        let worker = try FakeWorker()
        let run = experiment().runs[0]
        let directory = worker.directory(run.directoryName)
        let plan = RunPlan(experiment: "trial", question: "Why?", baseline: "a", specPath: "", run: run)
        try directory.save(plan)
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: RunHeader(plan), configuration: run.configuration)
        writer.append("steps", [("step", 1), ("loss", 0.5)])
        writer.append("steps", [("step", 2), ("loss", 0.25)])
        writer.append("evaluation/target", [("step", 0), ("knn_20", 0.5)])
        writer.append("evaluation/target", [("step", 2), ("knn_20", 0.625), ("linear", 0.75)])
        for step in 0..<20 { writer.append("evaluation/context", [("step", Double(step * 10)), ("knn_20", 0.5)]) }
        try writer.commit()
        let summary = try RunSummary(of: directory)
        #expect(summary.lastStep == ["step": 2, "loss": 0.25])
        #expect(summary.evaluations.map(\.name) == ["evaluation/context", "evaluation/target"])
        #expect(summary.evaluations[0].rows.count == 20)
        #expect(summary.evaluations[1].columns == ["step", "knn_20", "linear"])
        #expect(summary.evaluations[1].rows[1] == [2, 0.625, 0.75])
        #expect(
            summary.text.hasSuffix(
                """
                evaluation/context
                  step           0  …   130   140   150   160   170   180   190
                  knn_20 (%)  50.0  …  50.0  50.0  50.0  50.0  50.0  50.0  50.0

                evaluation/target
                  step           0     2
                  knn_20 (%)  50.0  62.5
                  linear (%)     –  75.0
                """))
    }

    @Test func theWaitForImagesIsShownAsAShareOfAllStepTime() throws {
        let worker = try FakeWorker()
        let run = experiment().runs[0]
        let directory = worker.directory(run.directoryName)
        let plan = RunPlan(experiment: "trial", question: "Why?", baseline: "a", specPath: "", run: run)
        try directory.save(plan)
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: RunHeader(plan), configuration: run.configuration)
        writer.append("steps", [("step", 1), ("step_seconds", 3), ("loader_wait_seconds", 0.5)])
        writer.append("steps", [("step", 2), ("step_seconds", 1), ("loader_wait_seconds", 0)])
        try writer.commit()
        let summary = try RunSummary(of: directory)
        #expect(summary.loaderWaitShare == 0.125)
        #expect(summary.text.contains("\n\nwaiting for images: 12.50 % of all step time"))
        let json = try JSONSerialization.jsonObject(with: try StoredJSON.encode(summary)) as? [String: Any]
        #expect(json?["loader_wait_share"] as? Double == 0.125)
    }

    // MARK: Numbers

    @Test(arguments: [
        (0.4, "0s"), (59.6, "1m 00s"), (187, "3m 07s"), (3900, "1h 05m"), (183_600, "2d 03h"), (.nan, "?"),
        (.infinity, "?"), (-5, "0s"),
    ])
    func durations(_ seconds: Double, _ text: String) {
        #expect(Quantity.duration(seconds) == text)
    }

    @Test func bytesAndCounts() {
        #expect(Quantity.bytes(1023) == "1023 B")
        #expect(Quantity.bytes(1536) == "1.50 KiB")
        #expect(Quantity.bytes(20 << 30) == "20.0 GiB")
        #expect(Quantity.count(999_900) == "1.00M")
        #expect(Quantity.count(5_524_416) == "5.52M")
        #expect(Quantity.significant(0.00012) == "1.20e-04")
        #expect(Quantity.significant(0.008172) == "0.00817")
        #expect(Quantity.significant(-0.0101) == "-0.0101")
        #expect(Quantity.significant(0.4213) == "0.421")
        #expect(Quantity.significant(9.996) == "10.0")
        #expect(Quantity.significant(59_923_663.7) == "5.99e+07")
        #expect(Quantity.significant(20_000_000) == "20000000")
        #expect(Quantity.significant(.nan) == "nan")
    }

    @Test func quotasAndMemoryAreReadFromTheSystemsText() {
        #expect(Machine.coreQuota(cpuMax: "200000 100000") == 2)
        #expect(Machine.coreQuota(cpuMax: "50000 100000") == 1)
        #expect(Machine.coreQuota(cpuMax: "max 100000") == nil)
        #expect(Machine.coreQuota(cpuMax: nil) == nil)
        #expect(Machine.availableBytes(meminfo: "MemTotal: 5 kB\nMemAvailable:   12 kB\n") == 12_288)
        #expect(Machine.availableBytes(meminfo: "") == nil)
        #expect(Machine.cores >= 1)
        #expect(Machine.freeMemoryBytes > 0)
    }
}
