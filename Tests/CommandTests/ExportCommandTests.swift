import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import cjepa_exp

/// What `export` writes of a finished experiment, read by others.
@Suite(.serialized, .smokeRun) struct ExportCommandTests {
    /// Runs in a folder of its own, so the sample of the checkout has to be named where data is read.
    private func export(_ arguments: String..., in folder: TemporaryFolder, results: String? = nil) throws -> Program {
        let readsData = arguments.contains("--batches") || arguments.contains("train")
        return try Program.run(
            ["export"] + arguments + ["--results", results ?? SmokeRun.results]
                + (readsData ? ["--data-folder", Self.sample] : []), in: folder.path)
    }

    private static let sample = Program.repository + "/Tests/Fixtures/fashion-mnist-sample"

    private func python(_ script: String, in folder: TemporaryFolder) throws {
        let python = try Program.run(["-c", script], executable: "/usr/bin/python3", in: folder.path)
        #expect(python.status == 0 && python.output == "read\n", "\(python.output)\(python.error)")
    }

    private func runs() throws -> [RunDirectory] {
        try RunDirectory.all(inExperiment: SmokeRun.results + "/smoke").filter { !$0.name.hasPrefix(".") }
    }

    // MARK: Embeddings

    @Test func anExperimentIsExportedInOneCallAndWhatIsThereStays() throws {
        let folder = try TemporaryFolder()
        let all = try export("smoke", "--embeddings", "--format", "npy", in: folder)
        let outputs = try runs().map { "smoke-embeddings/\($0.name)-target-step_24-npy" }
        let files = outputs.flatMap { output in ["features", "labels", "indices"].map { "\(output)/\($0).npy" } }
        #expect(
            all.status == 0 && Set(all.output.split(separator: "\n").map(String.init)) == Set(files), "\(all.error)")
        // One that is incomplete is written again, the others stay.
        let kept = folder.path + "/" + outputs[0] + "/features.npy"
        try Data("mine".utf8).write(to: URL(fileURLWithPath: kept))
        try FileManager.default.removeItem(atPath: folder.path + "/" + outputs[1] + "/labels.npy")
        let again = try export("smoke", "--embeddings", "--format", "npy", in: folder)
        #expect(again.output.split(separator: "\n").count == 3 && again.output.contains(outputs[1]), "\(again.output)")
        #expect(
            again.error.contains("kept 2 existing outputs in smoke-embeddings; --force replaces them"), "\(again.error)"
        )
        #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == Data("mine".utf8))
        let forced = try export("smoke", "--embeddings", "--format", "npy", "--force", in: folder)
        #expect(forced.output.split(separator: "\n").count == 9)
        #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) != Data("mine".utf8))
    }

    @Test func aRunWithoutFeaturesIsLeftOutAndTheOthersAreExported() throws {
        let (folder, copy) = (try TemporaryFolder(), try TemporaryFolder())
        try FileManager.default.copyItem(atPath: SmokeRun.results + "/smoke", toPath: copy.path + "/smoke")
        let directories = try RunDirectory.all(inExperiment: copy.path + "/smoke")
        try FileManager.default.removeItem(atPath: directories[0].resultsFile)
        try Data("broken".utf8).write(to: URL(fileURLWithPath: directories[1].resultsFile))
        for split in [[], ["--split", "train", "--data-folder", Self.sample]] {
            let some = try Program.run(
                ["export", "smoke", "--embeddings", "--format", "npz", "--results", copy.path] + split, in: folder.path)
            #expect(some.status == 0 && some.output.split(separator: "\n").count == 1, "\(some.output)\(some.error)")
            for directory in directories.prefix(2) {
                #expect(some.error.contains("warning: \(directory.name) is skipped: "), "\(some.error)")
            }
        }
        let none = try export("smoke", "--embeddings", "--format", "npz", "--step", "7", in: folder, results: copy.path)
        #expect(none.status == 64 || none.status == 1)
        #expect(none.output.isEmpty && none.error.contains("→"), "\(none.error)")
    }

    @Test func featuresOfTrainingImagesGiveTheAccuraciesOfTheRun() throws {
        let folder = try TemporaryFolder()
        let run = try #require(runs().first { $0.name.hasPrefix("cjepa") })
        for encoder in ["target", "context"] {
            let train = try export(
                run.path, "--embeddings", "--format", "hdf5", "--split", "train", "--encoder", encoder, in: folder)
            #expect(train.status == 0 && train.output == "\(run.name)-\(encoder)-step_24-train.h5\n", "\(train.error)")
            #expect(train.error.contains("\(run.name): features of 500 training images at step 24"), "\(train.error)")
            let test = try export(run.path, "--embeddings", "--format", "hdf5", "--encoder", encoder, in: folder)
            #expect(test.status == 0, "\(test.error)")
            let accuracy = try #require(RunFile(path: run.resultsFile).table("evaluation/\(encoder)")["knn_20"]?.last)
            try python(
                """
                import h5py, numpy as np
                train, test = (h5py.File("\(run.name)-\(encoder)-step_24" + end) for end in ("-train.h5", ".h5"))
                assert (train.attrs["split"], test.attrs["split"]) == ("train", "test")
                a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train["features"][:], test["features"][:]))
                assert a.shape == (500, 24) and len(set(train["indices"][:])) == 500
                cosines = b @ a.T
                nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :20]
                votes = np.zeros((len(b), 10))
                for row in range(len(b)):
                    for place in nearest[row]:
                        votes[row, train["labels"][place]] += np.exp(cosines[row, place] / 0.07)
                accuracy = (votes.argmax(1) == test["labels"][:]).mean()
                assert abs(accuracy - \(accuracy)) <= 1 / 200, accuracy
                print("read")
                """, in: folder)
        }
        let missing = try export(
            run.path, "--embeddings", "--format", "npz", "--split", "train", "--step", "3", in: folder)
        #expect(missing.status == 64 && missing.error.contains("there are checkpoints of steps 24"), "\(missing.error)")
    }

    @Test func otherDataThanTheRunsIsRefused() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        try FileManager.default.copyItem(atPath: Self.sample, toPath: data)
        for (from, to) in [("t10k", "train"), ("train", "t10k")] {
            for kind in ["images-idx3", "labels-idx1"] {
                let target = "\(data)/\(to)-\(kind)-ubyte.gz"
                try FileManager.default.removeItem(atPath: target)
                try FileManager.default.copyItem(atPath: "\(Self.sample)/\(from)-\(kind)-ubyte.gz", toPath: target)
            }
        }
        let run = try #require(runs().first)
        for arguments in [["--embeddings", "--split", "train"], ["--batches", "0"]] {
            let program = try Program.run(
                ["export", run.path, "--format", "npz", "--data-folder", data] + arguments, in: folder.path)
            #expect(program.status == 64 && program.error.contains("trained on different data"), "\(program.error)")
            let nowhere = try Program.run(
                ["export", run.path, "--format", "npz", "--data-folder", "nowhere"] + arguments, in: folder.path)
            #expect(nowhere.status == 64 && nowhere.error.contains("→"), "\(nowhere.error)")
        }
    }

    // MARK: Batches

    @Test func batchesComeInBothFormatsAndThePythonOfTheDocumentationReadsThem() throws {
        let folder = try TemporaryFolder()
        let run = try #require(runs().first { $0.name.hasPrefix("ijepa") })
        for format in ["npz", "hdf5"] {
            let batches = try export(run.path, "--batches", "0,22-23", "--format", format, in: folder)
            let ending = format == "npz" ? "npz" : "h5"
            #expect(batches.status == 0, "\(batches.error)")
            #expect(
                batches.output.split(separator: "\n").map(String.init)
                    == [0, 22, 23].map { "\(run.name)-batches/batch_\($0).\(ending)" }, "\(batches.output)")
            let again = try export(run.path, "--batches", "1,23", "--format", format, in: folder)
            #expect(
                again.status == 64 && again.error.contains("batch_23.\(ending): error: already exists"),
                "\(again.error)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/\(run.name)-batches/batch_1.\(ending)"))
        }
        let short = try export(run.path, "--batches", "0", "--format", "h5", "--output", "short", in: folder)
        #expect(short.output == "short/batch_0.h5\n", "\(short.error)")
        let beyond = try export(run.path, "--batches", "24", "--format", "npz", in: folder)
        #expect(beyond.status == 64 && beyond.error.contains("give batches from 0 to 23"), "\(beyond.error)")

        let steps = try RunFile(path: run.resultsFile).table("steps")
        let row = 22
        let counts = ["context_patches", "target_patches", "learning_rate", "weight_decay", "momentum", "epoch"]
            .map { "\(steps[$0]?[row] ?? .nan)" }
        let documentation = try String(contentsOfFile: Program.repository + "/docs/tables.md", encoding: .utf8)
        let snippet = try #require(
            documentation.components(separatedBy: "```python\n").first { $0.contains("batch_100.npz") }?
                .components(separatedBy: "```").first)
        try python(
            snippet.replacing("ijepa-s0-1a2b3c4d-batches/batch_100.npz", with: "\(run.name)-batches/batch_22.npz") + """

                import gzip, h5py
                other = h5py.File("\(run.name)-batches/batch_22.h5")
                assert sorted(other) == sorted(batch.files)
                for name in batch.files:
                    assert batch[name].dtype == other[name].dtype and batch[name].shape == other[name].shape, name
                    assert (batch[name] == other[name][()]).all() and other[name].attrs["meaning"], name
                assert other.attrs["run"] == "\(run.name)" and other.attrs["experiment"] == "smoke"
                assert images.shape == (32, 1, 28, 28) and images.dtype == np.float32
                kc, kp, *used, epoch = \("[" + counts.joined(separator: ", ") + "]")
                assert context.shape == (32, kc) and targets.shape[1:] == (32, kp) and targets.shape[0] == len(hidden)
                assert seen.shape == (32, kc, 16) and hidden[0].shape == (32, kp, 16)
                assert used == [float(batch[name]) for name in ("learning_rate", "weight_decay", "momentum")], used
                assert batch["epoch"] == epoch and batch["batch"] == 22 and batch["seed"] == 0
                # Patches are where they are said to be.
                row, column = divmod(int(context[5, 3]), grid)
                assert (seen[5, 3] == images[5, 0, 4 * row:4 * row + 4, 4 * column:4 * column + 4].ravel()).all()
                # Crops are of these images: the mean of a crop is that of its pixels, but for the antialiasing.
                def read(name, head):
                    return np.frombuffer(gzip.open("\(Self.sample)/train-" + name + "-ubyte.gz").read(), np.uint8, offset=head)
                originals, labels = read("images-idx3", 16).reshape(-1, 28, 28), read("labels-idx1", 8)
                assert (labels[batch["indices"]] == batch["labels"]).all()
                for image, index, (top, left, height, width) in zip(images, batch["indices"], batch["crops"]):
                    part = originals[index, top:top + height, left:left + width] / 255
                    assert part.shape == (height, width)
                    assert abs(image.mean() - (part.mean() - batch["mean"]) / batch["std"]) < 0.15
                print("read")
                """, in: folder)
    }

    @Test func aRunThatHasStoredNothingYetHasItsBatchesToo() throws {
        let folder = try TemporaryFolder()
        let run = try WorkerRun(in: folder)
        let planned = try export(run.directory.path, "--batches", "3", "--format", "npz", "--output", "a", in: folder)
        #expect(planned.status == 0 && planned.output == "a/batch_3.npz\n", "\(planned.error)")
        let done = try #require(runs().first { $0.name.hasPrefix("cjepa") })
        let other = try export(done.path, "--batches", "3", "--format", "npz", "--output", "b", in: folder)
        #expect(other.status == 0, "\(other.error)")
        // Arms with the same seed and data have the same batches.
        let (a, b) = (folder.path + "/a/batch_3.npz", folder.path + "/b/batch_3.npz")
        #expect(FileManager.default.contentsEqual(atPath: a, andPath: b))
    }

    // MARK: Read back

    @Test func diagnoseReadsWhatExportWrites() throws {
        let folder = try TemporaryFolder()
        let run = try #require(runs().first)
        func body(_ arguments: [String]) throws -> [String] {
            let program = try Program.run(["diagnose"] + arguments, in: folder.path)
            #expect(program.status == 0, "\(program.error)")
            return program.output.split(separator: "\n").dropFirst().map(String.init)
        }
        // Without a name, the target encoder's last features are meant.
        let expected = try body([run.resultsFile, "--dataset", "embeddings/target/step_24"])
        #expect(try body([run.resultsFile]) == expected && expected.count > 20)
        for (format, file) in [
            ("npz", "e.npz"), ("npy", "e/features.npy"), ("hdf5", "e.h5"), ("csv", "e.csv"), ("tsv", "t/vectors.tsv"),
            ("parquet", "e.parquet"), ("safetensors", "e.safetensors"),
        ] {
            let output = file.contains("/") ? String(file.prefix { $0 != "/" }) : file
            let program = try export(run.path, "--embeddings", "--format", format, "--output", output, in: folder)
            #expect(program.status == 0, "\(program.error)")
            #expect(try body([file]) == expected, "\(format)")
        }
    }
}
