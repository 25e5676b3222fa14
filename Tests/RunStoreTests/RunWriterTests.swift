import Foundation
import HDF5
import RunStore
import Safetensors
import TestSupport
import Testing

@Suite struct RunWriterTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.file("run.h5") }

    private func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test func readsBackEverything() throws {
        let writer = try SampleRun.writer(at: path)
        writer.header.status = .done
        try writer.commit()
        let file = try RunFile(path: path)
        #expect(file.header.status == .done)
        #expect(file.header.arm == "vicreg.ema" && file.header.seed == 3 && file.header.experiment == "größe")
        #expect(file.configuration == SampleRun.configuration())
        #expect(file.provenance["source_revision"] == "0123abcd")
        #expect(file.provenance["threads"] == "2")
        #expect(file.tableNames == ["evaluation/target", "steps"])

        let steps = try file.table("steps")
        #expect(steps.columns == ["step", "epoch", "loss", "learning_rate"])
        #expect(steps.rowCount == 8)
        #expect(steps["step"] == (1...8).map(Double.init))
        #expect(steps["loss"] == (1...8).map { 1 / Double($0) })
        #expect(steps["none"] == nil)

        let evaluation = try file.table("evaluation/target")
        #expect(evaluation["knn_20"] == [0.5, 0.54, 0.58])
        #expect(evaluation.vectorColumns == ["singular_values"])
        #expect(evaluation.vectors("singular_values")?.map(\.count) == [2048, 2048, 2048])
        #expect(evaluation.vectors("singular_values")?[1][0] == 2052)

        #expect(
            file.embeddingPaths == [
                "embeddings/target/step_0", "embeddings/target/step_4", "embeddings/target/step_8",
            ])
        let matrix = try file.matrix("/embeddings/target/step_8")
        #expect(matrix.rows == SampleRun.rows && matrix.columns == SampleRun.width)
        #expect(matrix.values == SampleRun.embedding(step: 8))
        #expect(matrix.attributes == ["encoder": "target", "step": 8])
        #expect(try file.integers("embeddings/labels") == SampleRun.labels())
        #expect(try file.attributes(of: "evaluation/target")["n_test"] == 600)
    }

    @Test func storesUnitsAndConventions() throws {
        try SampleRun.writer(at: path).commit()
        let file = try RunFile(path: path)
        #expect(try file.attributes(of: "steps/epoch")["unit"] == "epoch")
        #expect(try file.attributes(of: "evaluation/target/knn_20")["unit"] == "fraction")
        let knn = try #require(try file.attributes(of: "evaluation/target/knn_20")["convention"]?.text)
        #expect(knn.contains("20 nearest") && knn.contains("DINO"))
        #expect(try file.attributes(of: "evaluation/target/rankme")["convention"]?.text.contains("not centred") == true)
        #expect(try file.attributes(of: "steps")["signal"] == "loss")
    }

    static let columns = [
        "step", "epoch", "loss", "prediction_loss", "vicreg_loss", "vicreg_invariance", "vicreg_variance",
        "vicreg_covariance", "learning_rate", "weight_decay", "momentum", "gradient_norm", "gradient_norm_encoder",
        "gradient_norm_predictor", "images_per_second", "step_seconds", "loader_wait_seconds", "context_patches",
        "target_patches", "load_seconds", "target_forward_seconds", "context_forward_seconds",
        "predictor_forward_seconds", "loss_seconds", "predictor_backward_seconds", "encoder_backward_seconds",
        "update_seconds",
    ]
    static let evaluationColumns = [
        "step", "knn_10", "knn_20", "knn_100", "knn_200", "linear", "linear_last1", "linear_last1_bn", "linear_last4",
        "linear_last4_bn", "rankme", "effective_rank", "std_mean", "std_min", "normalised_std_mean", "mean_cosine",
        "predictor_r2", "predictor_r2_position", "singular_values",
    ]

    @Test func everyColumnOfTheFormatHasAConvention() {
        for column in Self.columns { #expect(MetricConvention.of(table: "steps", column: column) != nil, "\(column)") }
        for column in Self.evaluationColumns {
            #expect(MetricConvention.of(table: "evaluation/context", column: column) != nil, "\(column)")
        }
        #expect(MetricConvention.of(table: "steps", column: "knn_20") == nil)
    }

    @Test func lateColumnsAndMissingValuesAreNaN() throws {
        let writer = try SampleRun.writer(at: path)
        writer.append("steps", ["step": 9, "loss": 0.1, "vicreg_loss": 2])
        writer.append("steps", ["step": 10, "epoch": 2])
        writer.append("evaluation/target", ["step": 10, "knn_20": 1])
        try writer.commit()
        let file = try RunFile(path: path)
        let steps = try file.table("steps")
        #expect(steps.columns.last == "vicreg_loss")
        let added = try #require(steps["vicreg_loss"])
        #expect(added.prefix(8).allSatisfy(\.isNaN) && added[8] == 2 && added[9].isNaN)
        #expect(steps["epoch"]?[8].isNaN == true && steps["epoch"]?[9] == 2)
        let spectra = try #require(try file.table("evaluation/target").vectors("singular_values"))
        #expect(spectra.count == 4 && spectra[2][0] == 2056 && spectra[3].allSatisfy(\.isNaN))
    }

    @Test func compressesMatricesOnlyAndChecksEverything() throws {
        try SampleRun.writer(at: path).commit()
        let root = try HDF5File(reading: path).root
        #expect(try root.dataset("embeddings/target/step_4").filters().map(\.identifier) == [2, 32015, 3])
        // Three spectra of 2,048 take 48 KiB.
        for path in ["evaluation/target/singular_values", "steps/loss", "embeddings/labels"] {
            #expect(try root.dataset(path).filters().map(\.identifier) == [3], "\(path)")
        }
    }

    @Test func predictionsComeBackAndSurviveAResumption() throws {
        let classes: [[Int32]] = [[1, 2, 3, 4], [1, 0, 3, 0]]
        let writer = try SampleRun.writer(at: path)
        writer.setIntegers(
            RunFormat.predictions(encoder: "target"), rows: classes,
            attributes: ["probes": .strings(["knn_20", "linear"]), "step": 8])
        writer.setIntegers("predictions/labels", [1, 2, 0, 4])
        writer.setIntegers("predictions/indices", [7, 8, 9, 11])
        let names = ["a.jpg", "", "b\n.png", "ü/ç.webp"]
        writer.setStrings("predictions/names", names)
        try writer.commit()
        let expected = StoredPredictions(
            step: 8, classes: ["knn_20": classes[0], "linear": classes[1]], labels: [1, 2, 0, 4],
            indices: [7, 8, 9, 11], names: names)
        #expect(try RunFile(path: path).predictions(encoder: "target") == expected)
        #expect(try RunFile(path: path).predictions(encoder: "context") == nil)
        #expect(expected.correctness("linear") == [1, 0, 0, 0])
        #expect(expected.correctness("knn_10") == nil)
        #expect(
            try HDF5File(reading: path).root.dataset("predictions/target").filters().map(\.identifier) == [2, 32015, 3])
        try RunWriter.resume(at: path, keepingThroughStep: 8).commit()
        #expect(try RunFile(path: path).predictions(encoder: "target") == expected)
    }

    @Test func namesThatDoNotFitTheImagesAreAnError() throws {
        let writer = try SampleRun.writer(at: path)
        writer.setStrings("embeddings/names", ["a", "b"])
        writer.setIntegers("embeddings/labels", [1, 2])
        try writer.commit()
        let file = try RunFile(path: path)
        #expect(try file.texts("embeddings/names", count: 2) == ["a", "b"])
        #expect(try file.texts("predictions/names", count: 2) == nil)
        #expect(throws: RunStoreError.self) { try file.texts("embeddings/names", count: 3) }
        #expect(throws: (any Error).self) { try file.texts("embeddings/labels", count: 2) }
    }

    @Test func filesOfEarlierVersionsHaveNoPredictions() throws {
        try SampleRun.writer(at: path).commit()
        #expect(try RunFile(path: path).predictions(encoder: "target") == nil)
    }

    @Test func resumedRunsEqualUninterruptedOnes() throws {
        let whole = try SampleRun.writer(at: path)
        try whole.commit()
        let expected = try bytes()

        // Stopped after step 8, resumed from a checkpoint of step 5, and trained to 8 again.
        let resumed = try RunWriter.resume(at: path, keepingThroughStep: 5)
        #expect(resumed.table("steps")?["step"] == [1, 2, 3, 4, 5])
        #expect(resumed.table("evaluation/target")?["step"] == [0, 4])
        try resumed.commit()
        #expect(try RunFile(path: path).embeddingPaths == ["embeddings/target/step_0", "embeddings/target/step_4"])
        for step in 6...8 { SampleRun.appendStep(step, to: resumed) }
        SampleRun.appendEvaluation(8, to: resumed)
        resumed.setMatrix(
            "embeddings/target/step_8", rows: SampleRun.rows, columns: SampleRun.width, SampleRun.embedding(step: 8),
            attributes: ["encoder": "target", "step": 8])
        try resumed.commit()
        #expect(try RunFile(path: path).table("steps") == whole.table("steps"))
        #expect(try RunFile(path: path).table("evaluation/target") == whole.table("evaluation/target"))
        #expect(try RunFile(path: path).matrix("embeddings/target/step_4").values == SampleRun.embedding(step: 4))
        #expect(try RunFile(path: path).matrix("embeddings/target/step_8").attributes["step"] == 8)
        #expect(try RunFile(path: path).attributes(of: "evaluation/target")["n_test"] == 600)
        #expect(try RunFile(path: path).attributes(of: "embeddings/labels")["classes"] == .strings(["shirt", "größe"]))
        // Nothing in the file tells that the run was interrupted, nor grows with every commit.
        #expect(abs(try bytes().count - expected.count) < 4096)
    }

    @Test func resumingBeforeTheFirstStepKeepsTheColumns() throws {
        try SampleRun.writer(at: path).commit()
        let writer = try RunWriter.resume(at: path, keepingThroughStep: -1)
        try writer.commit()
        let file = try RunFile(path: path)
        #expect(try file.table("steps").rowCount == 0)
        #expect(file.embeddingPaths.isEmpty)
        SampleRun.appendEvaluation(0, to: writer)
        try writer.commit()
        #expect(try RunFile(path: path).table("evaluation/target").vectors("singular_values")?.count == 1)
    }

    @Test func equalResultsGiveEqualFiles() throws {
        try SampleRun.writer(at: path).commit()
        let first = try bytes()
        try SampleRun.writer(at: path).commit()
        #expect(try bytes() == first)
    }

    @Test func nothingChangesBeforeCommit() throws {
        let writer = try SampleRun.writer(at: path)
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.commit()
        let before = try bytes()
        SampleRun.appendStep(9, to: writer)
        let resumed = try RunWriter.resume(at: path, keepingThroughStep: 2)
        SampleRun.appendStep(3, to: resumed)
        #expect(try bytes() == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["run.h5"])
    }

    @Test func aFailedCommitLeavesTheOldFileAndCanBeRepeated() throws {
        let writer = try SampleRun.writer(at: path)
        try writer.commit()
        let before = try bytes()
        SampleRun.appendStep(9, to: writer)
        writer.setIntegers("embeddings/indices", [5, 6])
        #expect {
            try OwnFile.$device.withValue("/dev/full") { try writer.commit() }
        } throws: { "\($0)".contains(path) && "\($0)".contains("free some space") }
        #expect(try bytes() == before)
        try writer.commit()
        #expect(try RunFile(path: path).table("steps").rowCount == 9)
        #expect(try RunFile(path: path).integers("embeddings/indices") == [5, 6])
    }

    @Test func aPartialFileOfACrashIsNoObstacle() throws {
        try SampleRun.writer(at: path).commit()
        try Data("half a file".utf8).write(to: URL(fileURLWithPath: path + ".partial"))
        #expect(try RunFile(path: path).table("steps").rowCount == 8)
        let writer = try RunWriter.resume(at: path, keepingThroughStep: 8)
        try writer.commit()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["run.h5"])
    }

    @Test func errorsSayWhatToDo() throws {
        let lost = try RunWriter.create(
            at: folder.file("none/run.h5"), header: SampleRun.header, configuration: SampleRun.configuration())
        #expect { try lost.commit() } throws: { "\($0)".contains("create the folder") }
        let writer = try SampleRun.writer(at: path)
        writer.setAttributes(of: "evaluation/contxt", ["n": 1])
        #expect { try writer.commit() } throws: { "\($0)".contains("evaluation/contxt") }
        try SampleRun.writer(at: path).commit()
        #expect { try RunFile(path: path).table("evaluation/context") } throws: {
            "\($0)".contains("evaluation/target")
        }
        #expect { try RunFile(path: path).matrix("embeddings/labels") } throws: { "\($0)".contains("[600]") }
        try HDF5Output.write(to: folder.file("other.h5")) { try $0.create("x", [1.0], shape: [1]) }
        #expect { try RunFile(path: folder.file("other.h5")) } throws: { "\($0)".contains("format") }
        try HDF5Output.write(to: folder.file("newer.h5")) {
            try $0.attributes.write("format", .string(RunFormat.runFile))
            try $0.attributes.write("format_version", .integer(99))
        }
        #expect { try RunFile(path: folder.file("newer.h5")) } throws: { "\($0)".contains("newer cjepa-exp") }
    }
}
