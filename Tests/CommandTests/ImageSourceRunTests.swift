import Foundation
import Pictures
import RunStore
import Safetensors
import TestSupport
import Testing

/// Runs on images in files: the same from every kind of file, through kills, and when a file goes bad.
@Suite struct ImageSourceRunTests {
    /// A small network on 32×32 colour images.
    private static func spec(_ data: String) -> String {
        """
        data: {\(data)}
        model:
          {width: 16, depth: 2, heads: 2, image_size: 32, patch_size: 8, channels: 3, init: xavier,
           predictor: {width: 8, depth: 1}}
        masks.min_keep: 0
        objective.vicreg.weight: 0.01
        training: {batch_size: 8, steps: 20}
        evaluation:
          {every_steps: 10, knn.k: [5], linear: {lr: [0.1], weight_decay: [0], epochs: 1}}
        diagnostics: {lidar_objects: 8, patch_rows: 64}
        resources: {threads: 1, loader_threads: 3}

        """
    }

    private struct Outcome: Equatable {
        var status: String
        var metrics: [String: Double]
        /// Tensors of the last checkpoint.
        var weights: [String: Data]
    }

    private func outcome(_ spec: String, results: String, environment: [String: String]) throws -> Outcome {
        let program = try Program.run(["run", spec, "--results", results], environment: environment)
        #expect(program.status == 0, "\(program.error)")
        let name = URL(fileURLWithPath: spec).deletingPathExtension().lastPathComponent
        let status = try Program.run(["status", name, "--results", results, "--json"], environment: environment)
        let row = try #require((status.json()["runs"] as? [[String: Any]])?.first)
        let folder = try #require(row["directory"] as? String)
        let checkpoint = try #require(
            FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
                .filter { $0.hasSuffix(".safetensors") }.sorted().last, "\(folder)")
        return Outcome(
            status: try #require(row["status"] as? String), metrics: try #require(row["metrics"] as? [String: Double]),
            weights: try SafetensorsFile(path: folder + "/" + checkpoint).tensors.mapValues(\.bytes))
    }

    /// The images of a small CIFAR-10 as class folders and as shards, in the order of its binary files, whose labels ascend.
    private func writeCIFAR(_ folder: TemporaryFolder) throws {
        let manager = FileManager.default
        for part in ["binary", "folders/train", "folders/test", "shards"] {
            try manager.createDirectory(atPath: "\(folder.path)/\(part)", withIntermediateDirectories: true)
        }
        var binary: [String: [UInt8]] = ["batches.meta.txt": Array("aa\nbb\ncc\ndd\nee\nff\ngg\nhh\nii\njj\n".utf8)]
        let names = ["aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii", "jj"]
        for (split, images) in [("train", 0..<100), ("test", 100..<140)] {
            var members: [[UInt8]] = []
            for image in images {
                let label = (image - images.lowerBound) * 10 / images.count
                let planes = SmallCIFAR.pixels(image)
                let file = split == "test" ? "test_batch.bin" : "data_batch_\(image / 20 + 1).bin"
                binary[file, default: []] += [UInt8(label)] + planes
                let pixels = (0..<1024).flatMap { [planes[$0], planes[1024 + $0], planes[2048 + $0]] }
                let bytes = try PNGFile.data(RGBImage(width: 32, height: 32, pixels: pixels))
                let path = "\(folder.path)/folders/\(split)/\(names[label])"
                try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
                try bytes.write(to: URL(fileURLWithPath: "\(path)/\(image).png"))
                members.append(PictureTree.member("\(names[label])/\(image).png", Array(bytes)))
            }
            let half = members.count / 2
            for (shard, part) in [members[..<half], members[half...]].enumerated() {
                try Data(part.flatMap(\.self) + [UInt8](repeating: 0, count: 1024))
                    .write(to: URL(fileURLWithPath: "\(folder.path)/shards/\(split)-\(shard).tar"))
            }
        }
        for (name, content) in binary {
            try Data(content).write(to: URL(fileURLWithPath: "\(folder.path)/binary/\(name)"))
        }
    }

    @Test("CIFAR-10 from its binary files, class folders and shards gives the same weights and metrics bit for bit")
    func sameWeights() throws {
        let folder = try TemporaryFolder()
        try writeCIFAR(folder)
        let view = "normalization: dataset, view_short_side: 32"
        var outcomes: [Outcome] = []
        for data in [
            "dataset: cifar10, folder: binary", "dataset: image_folder, folder: folders, \(view)",
            "dataset: tar, folder: shards, \(view)",
        ] {
            let spec = try folder.write(Self.spec(data), to: "source\(outcomes.count).spec")
            outcomes.append(
                try outcome(
                    spec, results: "\(folder.path)/results\(outcomes.count)",
                    environment: ["XDG_CACHE_HOME": folder.path + "/cache"]))
        }
        #expect(outcomes[0].status == "done" && outcomes[0].metrics.count > 10 && outcomes[0].weights.count > 20)
        #expect(outcomes[1] == outcomes[0])
        #expect(outcomes[2] == outcomes[0])
    }

    @Test(
        "Runs on folders and shards that are killed and resumed with other numbers of loader threads end bit-identical",
        arguments: ["dataset: image_folder, folder: %", "dataset: tar, folder: %"])
    func resumed(_ data: String) throws {
        let seconds = ProcessInfo.processInfo.environment["CJEPA_TORTURE_SECONDS"].flatMap { Int($0) } ?? 5
        let (tree, folder) = (try PictureTree(), try TemporaryFolder())
        let spec = try folder.write(
            Self.spec(data.replacingOccurrences(of: "%", with: tree.path)), to: "resumed.spec")
        let program = try Program.run(
            [
                "verify-resume", spec, "--kills", "\(100 * seconds)", "--seconds", "\(seconds)", "--set",
                "training.steps=200", "--set", "evaluation.every_steps=100", "--set", "resources.checkpoint_steps=2",
                "--json", "--scratch", folder.path,
            ], environment: ["XDG_CACHE_HOME": folder.path + "/cache"])
        let report = try program.checkedJSON()
        #expect(report["identical"] as? Bool == true, "\(program.error)")
        let run = try #require((report["runs"] as? [[String: Any]])?.first)
        let kills = try #require(run["kills"] as? [[String: Any]])
        #expect(kills.count >= 2, "\(program.error)")
        #expect(Set(kills.compactMap { $0["loader_threads"] as? Int }).count > 1)
        #expect(kills.allSatisfy { ($0["problems"] as? [Any])?.isEmpty == true })
        #expect(run["differences"] as? [String] == [])
    }

    /// Damage to the data set of a run that is training, its error, and whether it can be undone.
    struct Accident: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let data: String
        let file: String
        let damage: @Sendable (URL) throws -> Void
    }

    static let accidents = [
        Accident(
            testDescription: "a file that another replaces", data: "dataset: image_folder, folder: %",
            file: "train/cat/101.jpg",
            damage: { try (Data(contentsOf: $0) + [0]).write(to: $0, options: .atomic) }),
        Accident(
            testDescription: "a file that vanishes", data: "dataset: image_folder, folder: %",
            file: "train/dog/103.png",
            damage: { try FileManager.default.removeItem(at: $0) }),
        Accident(
            testDescription: "a file of many images that is overwritten", data: "dataset: cifar10, folder: %",
            file: "data_batch_1.bin",
            damage: {
                let file = try FileHandle(forWritingTo: $0)
                try file.write(contentsOf: [UInt8](repeating: 0, count: 20 * 3073))
                try file.close()
            }),
        // In place: the file is open, and would stay whole for the run under another name.
        Accident(
            testDescription: "a shard that is cut off", data: "dataset: tar, folder: %", file: "train-1.tar",
            damage: { try FileHandle(forWritingTo: $0).truncate(atOffset: 700) }),
    ]

    @Test(
        "Named while the run trains, and nothing is lost: with the file back the run goes on to the same end",
        arguments: accidents)
    func accident(_ accident: Accident) throws {
        let (tree, folder) = (try PictureTree(), try TemporaryFolder())
        let environment = ["XDG_CACHE_HOME": folder.path + "/cache"]
        let isCIFAR = accident.data.contains("cifar10")
        if isCIFAR { try writeCIFAR(folder) }
        let root = isCIFAR ? folder.path + "/binary" : tree.path
        let spec = try folder.write(
            Self.spec(accident.data.replacingOccurrences(of: "%", with: root)), to: "accident.spec")
        let results = folder.path + "/results"
        let file = URL(fileURLWithPath: root + "/" + accident.file)
        let whole = try Data(contentsOf: file)
        let arguments = [
            "run", spec, "--results", results, "--set", "training.steps=300", "--set", "resources.checkpoint_steps=5",
        ]
        let failed = try Program.run(arguments, environment: environment) { process, _ in
            // Once a checkpoint is there the run is in mid-training.
            for _ in 0..<12_000 where process.isRunning {
                let found = FileManager.default.enumerator(atPath: results)?.contains {
                    ($0 as? String)?.hasSuffix(".safetensors") == true
                }
                if found == true { break }
                Thread.sleep(forTimeInterval: 0.01)
            }
            try accident.damage(file)
        }
        #expect(failed.status == 1, "\(failed.error)")
        #expect(failed.error.contains(file.lastPathComponent), "\(failed.error)")
        try whole.write(to: file)
        let mended = try Program.run(arguments, environment: environment)
        #expect(mended.status == 0, "\(mended.error)")
        let status = try Program.run(["status", "accident", "--results", results, "--json"], environment: environment)
        let row = try #require((status.json()["runs"] as? [[String: Any]])?.first)
        #expect(row["status"] as? String == "done" && row["step"] as? Int == 300)
    }
}
