import Foundation
import RunStore
import Testing

/// Everything that works on Fashion-MNIST, on pictures of odd sizes.
@Suite struct PhotoRunTests {
    @Test(arguments: ["image_folder", "list", "tar"])
    func everyCommandWorks(_ dataset: String) throws {
        let photos = try Photos()
        let spec = try photos.spec("dataset: \(dataset)")
        func works(_ arguments: String..., contains words: String? = nil) throws {
            let program = try photos.run(arguments)
            #expect(program.status == 0, "\(arguments): \(program.error)")
            if let words { #expect(program.output.contains(words), "\(arguments): \(program.output)") }
        }
        try works("plan", spec, contains: "2 of 2 runs to start")
        try works("run", spec, contains: "raw pixels")
        try works("run", spec, contains: "skipped")
        try works("table", "photos", contains: "\ncjepa ")
        try works("table", "photos", "--format", "md", contains: "| cjepa")
        try works("report", "photos", "--output", "r.html")
        try works("status", "photos", contains: "done")
        try works("masks", spec, "--output", "m.png")
        let run = try #require(try RunDirectory.all(inExperiment: photos.folder.path + "/results/photos").first)
        try works("show", run.path, contains: dataset)
        try works("attention", run.path, "--output", "a.png")
        try works("diagnose", run.resultsFile)
        try works("verify-resume", spec, "--only", "ijepa")

        // Names of classes are those of the run, also of data sets that know none before they are read.
        let file = try RunFile(path: run.resultsFile)
        #expect(try file.classNames() == ["cat", "dog", "owl"])
        #expect(
            try file.attributes(of: RunFormat.classNames)["order"]
                == .string("row i names class i; names sorted by their bytes, as torchvision numbers them"))
        for split in ["test", "train"] {
            try works(
                "export", run.path, "--embeddings", "--format", "csv", "--split", split, "--output", "\(split).csv")
            let text = try String(contentsOfFile: photos.folder.path + "/\(split).csv", encoding: .utf8)
            let rows = text.split(separator: "\n").dropFirst()
            #expect(rows.count == (split == "test" ? 12 : 24))
            for name in Photos.classes { #expect(rows.contains { $0.contains(",\(name),") }, "\(text.prefix(200))") }
        }
        // What the run was trained with counts, not what the data says today.
        let other = photos.folder.path + "/elsewhere"
        try FileManager.default.moveItem(atPath: photos.root, toPath: other)
        try works("export", run.path, "--embeddings", "--format", "csv", "--output", "moved.csv")
        let moved = try String(contentsOfFile: photos.folder.path + "/moved.csv", encoding: .utf8)
        #expect(moved.contains(",owl,"))
    }

    @Test func filesThatWereReplacedByOthersOfTheirSizeAreSeenBeforeAnythingRuns() throws {
        let photos = try Photos()
        let spec = try photos.spec()
        #expect(try photos.run(["run", spec, "--only", "ijepa"]).status == 0)
        func planned() throws -> [String: Any] {
            let plan = try photos.run(["plan", spec, "--only", "ijepa", "--no-calibration", "--json"])
            return try #require((plan.checkedJSON()["runs"] as? [[String: Any]])?.first, "\(plan.error)")
        }
        #expect(try planned()["action"] as? String == "skip")
        let file = photos.root + "/test/owl/101.png"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[bytes.count - 1] ^= 1
        try photos.put(bytes, "test/owl/101.png")
        let changed = try planned()
        #expect(changed["action"] as? String == "restart")
        let reason = try #require(changed["reason"] as? String)
        #expect(reason.hasPrefix("data changed: dataset_test_sample "), "\(reason)")
        // Its time is of no matter once it is back.
        bytes[bytes.count - 1] ^= 1
        try photos.put(bytes, "test/owl/101.png")
        #expect(try planned()["action"] as? String == "skip")
    }

    @Test func floorsNameTheImagesThatTheyWereTakenOn() throws {
        let photos = try Photos()
        let run = try photos.run(["run", try photos.spec(), "--only", "ijepa"])
        #expect(run.status == 0, "\(run.error)")
        let floors = try Floors.all(inExperiment: photos.folder.path + "/results/photos")
        #expect(floors.map(\.dataset) == ["image_folder, 28×28"] && floors[0].nTrain == 24 && floors[0].nTest == 12)
    }

    @Test func labelsThatAreNeededAndNotThereAreAskedForBeforeAnythingRuns() throws {
        let photos = try Photos()
        let none = try photos.run(["run", try photos.spec("dataset: list, train_labels_used: false")])
        #expect(none.status == 64, "\(none.error)")
        #expect(none.error.contains("have no classes") && none.error.contains("probe_list"), "\(none.error)")
        #expect(!FileManager.default.fileExists(atPath: photos.folder.path + "/results"))
        let shards = try photos.run(["run", try photos.spec("dataset: tar, shard_labels: none")])
        #expect(shards.status == 64 && shards.error.contains("probe_shards"), "\(shards.error)")
        // With images to probe, runs train without labels.
        let probed = try photos.run([
            "run", try photos.spec("dataset: list, train_labels_used: false, probe_list: train.txt"), "--only", "ijepa",
        ])
        #expect(probed.status == 0, "\(probed.error)")
    }
}
