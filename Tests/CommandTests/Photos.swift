import Foundation
import Pictures
import TestSupport
import Testing

/// A small data set of colour pictures of odd sizes in class folders, lists and shards, with a cache of its own.
struct Photos {
    static let classes = ["cat", "dog", "owl"]
    let folder: TemporaryFolder
    var root: String { folder.path + "/set" }
    var environment: [String: String] { ["XDG_CACHE_HOME": folder.path + "/cache"] }

    /// - Parameters: Pictures of each class.
    init(train: Int = 8, test: Int = 4) throws {
        folder = try TemporaryFolder()
        try add("train", train)
        try add("test", test)
    }

    private func add(_ split: String, _ count: Int) throws {
        var (lines, shard): ([String], [UInt8]) = ([], [])
        for (number, name) in Self.classes.enumerated() {
            for index in 0..<count {
                // 40×60, 60×90 and 33×47: none is a square, none as large as the network's input.
                let (height, width) = [(40, 60), (60, 90), (47, 33)][index % 3]
                let shade = UInt8(truncatingIfNeeded: 20 + 9 * index + (split == "test" ? 4 : 0))
                var picture = RGBImage(width: width, height: height, color: RGBColor(shade, 90, 150))
                picture.fill(
                    x: 5 + 7 * number, y: 4 + index % 5, width: 12, height: 9 + 5 * number,
                    color: RGBColor(UInt8(60 + 80 * number), shade, 30))
                let file = "\(name)/\(100 + index).png"
                let bytes = try PNGFile.data(picture)
                try put(bytes, "\(split)/\(file)")
                lines.append("\(split)/\(file) \(name)\n")
                shard += PictureTree.member(file, Array(bytes))
            }
        }
        try put(Data(lines.joined().utf8), "\(split).txt")
        try put(Data(shard + [UInt8](repeating: 0, count: 1024)), "\(split)-0.tar")
    }

    func put(_ bytes: Data, _ name: String) throws {
        let url = URL(fileURLWithPath: root + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: url)
    }

    /// A spec of two arms that trains for a few steps.
    ///
    /// - Parameter data: Keys of `data` besides the folder, as `dataset: tar`.
    func spec(_ data: String = "dataset: image_folder", training: String = "steps: 4", more: String = "") throws
        -> String
    {
        try folder.write(
            """
            inherit: \(Program.repository)/experiments/smoke.spec
            name: photos
            question: Does it work on pictures of odd sizes?
            expected: It does.
            data: {folder: set, \(data)}
            model: {channels: 3}
            training: {batch_size: 8, \(training)}
            evaluation: {every_steps: 2, train_images: null, test_images: null, knn: {k: [5]}, linear: {epochs: 1}}
            diagnostics: {at_steps: [], patch_rows: 50, lidar_objects: 4, gradient_norms_every: 2}
            matrix:
              axes:
                - name: arm
                  variants:
                    ijepa: {objective.vicreg.weight: 0}
                    cjepa: {objective.vicreg.weight: 0.001}
            \(more)
            """, to: "photos.spec")
    }

    func run(
        _ arguments: [String], whileRunning: (_ process: Process, _ errorFile: String) throws -> Void = { _, _ in }
    ) throws -> Program {
        try Program.run(arguments, in: folder.path, environment: environment, whileRunning: whileRunning)
    }
}
