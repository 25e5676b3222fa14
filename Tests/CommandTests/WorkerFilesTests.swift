import ExperimentSpec
import Foundation
import RunStore
import Safetensors
import Testing

@testable import cjepa_exp

/// What a worker goes on from is whole, its own, and of the same data; anything else is said with its remedy.
@Suite struct WorkerFilesTests {
    private let folder: TemporaryFolder
    private let directory: RunDirectory
    private let plan: RunPlan

    init() throws {
        folder = try TemporaryFolder()
        directory = RunDirectory(path: folder.path + "/a-s0-aaaaaaaa")
        plan = RunPlan(
            experiment: "trial", question: "", baseline: "a", specPath: "",
            run: PlannedRun(
                arm: "a", seed: 0, configuration: RunConfiguration(), differences: [:], configurationHash: "aaaaaaaabb")
        )
        try directory.save(plan)
    }

    /// Results of some steps, and a checkpoint.
    private func store(steps: Int, checkpoint: Int, hash: String = "aaaaaaaabb") throws {
        var header = RunHeader(plan)
        header.configurationHash = hash
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: header, configuration: RunConfiguration())
        for step in 0..<steps { writer.append("steps", [("step", Double(step + 1)), ("loss", 1)]) }
        writer.setProvenance(["dataset_train_fingerprint": "0123"])
        try writer.commit()
        try directory.checkpoints.save(
            configurationHash: "aaaaaaaabb", step: checkpoint,
            tensors: ["w": SafetensorsSource(SafetensorsTensor([1, 2] as [Float], shape: [2]))], keeping: 9)
    }

    /// Nothing is expected to be damaged.
    private func open() throws -> WorkerFiles {
        try WorkerFiles(directory, plan: plan) { Issue.record("\($0)") }
    }

    private func expectFailure(_ file: String, _ message: String, _ body: () throws -> Void) {
        #expect {
            try body()
        } throws: { error in
            guard let error = error as? RunStoreError else { return false }
            return error.file == file && error.message.contains(message)
                && error.remedy.contains("to start the run from the beginning")
        }
    }

    @Test func aRunWithoutCheckpointBegins() throws {
        let files = try open()
        #expect(files.checkpoint == nil)
        try files.check(["dataset_train_fingerprint": "any"], of: "images")
    }

    @Test func stepsAfterTheCheckpointAreDropped() throws {
        try store(steps: 5, checkpoint: 3)
        let files = try open()
        #expect(files.checkpoint?.step == 3)
        #expect(files.writer.table("steps")?["step"] == [1, 2, 3])
    }

    @Test func resultsThatLackStepsOfTheCheckpointAreRefused() throws {
        try store(steps: 2, checkpoint: 3)
        expectFailure(directory.resultsFile, "holds 2 of the 3 steps") { _ = try open() }
    }

    @Test func resultsOfAnotherConfigurationAreRefused() throws {
        try store(steps: 3, checkpoint: 3, hash: "bbbbbbbbcc")
        expectFailure(directory.resultsFile, "the configuration bbbbbbbb, but this run has aaaaaaaa") {
            _ = try open()
        }
    }

    @Test func damagedFilesAreNamed() throws {
        try store(steps: 3, checkpoint: 3)
        let checkpoint = directory.checkpoints.path(step: 3)
        for (file, message) in [(checkpoint, "not a checkpoint"), (directory.resultsFile, "is damaged")] {
            let url = URL(fileURLWithPath: file)
            let whole = try Data(contentsOf: url)
            try whole.prefix(whole.count / 2).write(to: url)
            expectFailure(file, message) { _ = try open() }
            try whole.write(to: url)
        }
    }

    @Test func behindADamagedCheckpointTheOneBeforeAndItsRowsAreUsed() throws {
        try store(steps: 9, checkpoint: 4)
        try store(steps: 9, checkpoint: 7)
        let url = URL(fileURLWithPath: directory.checkpoints.path(step: 7))
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: url)
        var warnings: [String] = []
        let files = try WorkerFiles(directory, plan: plan) { warnings.append($0) }
        #expect(files.checkpoint?.step == 4)
        #expect(files.writer.table("steps")?["step"] == [1, 2, 3, 4])
        #expect(warnings.count == 1 && warnings[0].contains("checkpoint-7.safetensors is damaged"))
        // What a second worker finds is the same, without a warning.
        #expect(try open().checkpoint?.step == 4)
    }

    @Test func nothingStartsOverWhereSomethingIsMissing() throws {
        try store(steps: 3, checkpoint: 3)
        try FileManager.default.removeItem(atPath: directory.resultsFile)
        expectFailure(directory.resultsFile, "is missing, but there is a checkpoint of step 3") { _ = try open() }
        try store(steps: 3, checkpoint: 3)
        try FileManager.default.removeItem(atPath: directory.checkpoints.path(step: 3))
        expectFailure(directory.resultsFile, "holds 3 steps, but there is no checkpoint") { _ = try open() }
        // Results of the initialisation alone, before the first checkpoint, are made again.
        try store(steps: 0, checkpoint: 0)
        try FileManager.default.removeItem(atPath: directory.checkpoints.path(step: 0))
        #expect(try open().checkpoint == nil)
    }

    @Test func otherDataIsRefused() throws {
        try store(steps: 3, checkpoint: 3)
        let files = try open()
        try files.check(["dataset_train_fingerprint": "0123", "dataset_test_fingerprint": "new"], of: "images")
        expectFailure(directory.resultsFile, "dataset_train_fingerprint is 0123, that of images is now 4567") {
            try files.check(["dataset_train_fingerprint": "4567"], of: "images")
        }
    }
}
