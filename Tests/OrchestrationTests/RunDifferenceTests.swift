import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

@Suite struct RunDifferenceTests {
    private func store(_ run: PlannedRun, in worker: FakeWorker, knn: [Double], host: String) throws -> RunDirectory {
        let directory = worker.directory(run.directoryName)
        let plan = RunPlan(experiment: "trial", question: "Why?", baseline: "a", specPath: "", run: run)
        try directory.save(plan)
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: RunHeader(plan), configuration: run.configuration)
        writer.setProvenance(["host": .string(host), "precision": "float32", "started_at": .string(host)])
        writer.append("steps", [("step", 1), ("loss", 0.5)])
        for (step, value) in knn.enumerated() {
            writer.append("evaluation/target", [("step", Double(step)), ("knn_20", value)])
        }
        try writer.commit()
        return directory
    }

    @Test func twoRunsAreShownSideBySide() throws {
        let worker = try FakeWorker()
        var runs = experiment(arms: ["a", "b"]).runs
        runs[1].configuration.seed = 4
        runs[1].seed = 4
        let difference = try RunDifference(
            try store(runs[0], in: worker, knn: [0.1, 0.5], host: "one"),
            try store(runs[1], in: worker, knn: [0.9, 0.75], host: "two"))
        #expect(
            difference.configuration == [
                .init(name: "objective.vicreg.weight", first: "0", second: "1"),
                .init(name: "seed", first: "0", second: "4"),
            ])
        #expect(difference.provenance == [.init(name: "host", first: "one", second: "two")])
        let number = try #require(difference.results.first { $0.column == "knn_20" })
        #expect(number.table == "evaluation/target")
        #expect(number.first == 0.5 && number.second == 0.75 && number.difference == 0.25)
        #expect(
            difference.text == """
                run         a-s0      b-s4
                experiment  trial     trial
                hash        00000000  11111111
                status      planned   planned

                configuration
                  objective.vicreg.weight  0  1
                  seed                     0  4

                provenance
                  host  one  two

                evaluation/target  a-s0  b-s4  difference
                step                  1     1           0
                knn_20 (%)         50.0  75.0        25.0

                steps   a-s0   b-s4  difference
                loss   0.500  0.500           0
                step       1      1           0
                """)
    }

    @Test func aLogIsReadFromWhereItWasLeft() throws {
        let worker = try FakeWorker()
        let directory = worker.directory("run")
        try directory.create()
        var log = LogFollower(of: directory)
        #expect(log.next().isEmpty)
        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: directory.logFile)) }
        try write("one\ntwo\nthree\n")
        var tail = LogFollower(of: directory)
        #expect(String(decoding: tail.last(2), as: UTF8.self) == "two\nthree\n")
        #expect(String(decoding: log.last(nil), as: UTF8.self) == "one\ntwo\nthree\n")
        var all = LogFollower(of: directory)
        #expect(String(decoding: all.last(3), as: UTF8.self) == "one\ntwo\nthree\n")
        var none = LogFollower(of: directory)
        #expect(none.last(0).isEmpty)
        try write("one\ntwo\nthree\nfour\n")
        #expect(String(decoding: log.next(), as: UTF8.self) == "four\n")
        #expect(String(decoding: none.next(), as: UTF8.self) == "four\n")
        try write("new\n")
        #expect(String(decoding: log.next(), as: UTF8.self) == "new\n")
    }

    @Test func aLogHoldsEvaluationsAndStepsNowAndThen() {
        var log = WorkerLog()
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        func step(_ number: Int, after seconds: Double) -> String? {
            log.line(
                for: .step(StepReport(step: number, totalSteps: 9, loss: 0.5)), at: start.addingTimeInterval(seconds))
        }
        #expect(step(1, after: 0) == "2027-01-15T08:00:00Z step 1 of 9, loss 0.500")
        #expect(step(2, after: 29) == nil)
        #expect(step(3, after: 31)?.hasSuffix(" step 3 of 9, loss 0.500") == true)
        let evaluation = WorkerEvent.evaluation(
            step: 3, encoder: "target", metrics: ["knn_20": 0.25, "linear": .nan, "std_mean": 1])
        #expect(log.line(for: evaluation, at: start)?.hasSuffix(" step 3, target encoder: 20-NN 25.0 %") == true)
        #expect(log.line(for: .checkpoint(step: 3), at: start) == nil)
    }
}
