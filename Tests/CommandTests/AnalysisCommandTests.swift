import Analysis
import ArgumentParser
import ExperimentSpec
import Testing

@testable import cjepa_exp

/// Arguments of `table` and `export`, and what becomes of mistakes in them.
@Suite struct AnalysisCommandTests {
    @Test(arguments: [
        ["table", "ablation", "--format", "pdf"], ["export", "run", "--format", "npz"], ["export", "--embeddings"],
        ["export", "run", "--embeddings", "--format", "npz", "--step", "end"],
        ["export", "run", "--embeddings", "--metrics", "--format", "csv"],
        ["export", "run", "--embeddings", "--format", "jsonl"], ["export", "run", "--metrics", "--format", "npz"],
        ["export", "run", "--metrics"], ["export", "run", "--links", "--format", "csv"],
        ["export", "run", "--links", "--output", "x.h5"],
        ["export", "run", "--embeddings", "--format", "npz", "--encoder", "teacher"],
        ["export", "run", "--embeddings", "--format", "npz", "--split", "validation"],
        ["export", "run", "--metrics", "--format", "csv", "--split", "train"],
        ["export", "run", "--embeddings", "--format", "npz", "--threads", "2"],
        ["export", "run", "--embeddings", "--format", "npz", "--split", "train", "--threads", "0"],
        ["export", "run", "--links", "--data-folder", "x"], ["export", "run", "--batches", "0"],
        ["export", "run", "--batches", "0", "--format", "csv"], ["export", "run", "--batches", "", "--format", "npz"],
        ["export", "run", "--batches", "1,,2", "--format", "npz"],
        ["export", "run", "--batches", "3-1", "--format", "npz"],
        ["export", "run", "--batches", "1-2-3", "--format", "npz"],
        ["export", "run", "--batches", "x", "--format", "npz"],
        ["export", "run", "--batches", "99999999999999999999", "--format", "npz"],
        ["export", "run", "--batches", "0-1000000", "--format", "npz"],
    ])
    func `A mistake in the arguments exits with 64`(arguments: [String]) {
        #expect {
            _ = try CJEPAExp.parseAsRoot(arguments)
        } throws: { error in
            CJEPAExp.exitCode(for: error) == .validationFailure
        }
    }

    @Test(arguments: [
        ["table", "ablation", "--results", "/nonexistent"],
        ["export", "run", "--embeddings", "--format", "npz", "--results", "/nonexistent"],
        ["export", "run", "--metrics", "--format", "csv", "--results", "/nonexistent"],
        ["export", "run", "--configurations", "--results", "/nonexistent"],
        ["export", "run", "--links", "--results", "/nonexistent"],
    ])
    func `Results that are not there are an error that says what there is`(arguments: [String]) throws {
        var command = try CJEPAExp.parseAsRoot(arguments)
        #expect {
            try command.run()
        } throws: { error in
            (error as? AnalysisError)?.code == .unknownName
        }
    }

    @Test func `Batches are named one by one and in ranges`() throws {
        #expect(try StepList.read("0,1,100-103") == [0, 1, 100, 101, 102, 103])
        #expect(try StepList.read("7, 5 ,5-6") == [5, 6, 7])
        #expect(try StepList.read("0-9999").count == 10_000)
    }

    @Test func `Metrics keep their order and the format its name`() throws {
        let command = try TableCommand.parse([
            "ablation", "--metric", "knn_20", "--metric", "context.linear", "--encoder", "context", "--format", "latex",
        ])
        #expect(command.metrics == ["knn_20", "context.linear"])
        #expect(command.format == .latex)
        #expect(command.encoder == .context)
    }
}
