import Datasets
import Declarations
import Foundation
import TensorCore

/// The committed sample, found from this file.
let sampleFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/fashion-mnist-sample")

/// A folder that is removed when its owner goes.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("datasets-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    deinit {
        do { try FileManager.default.removeItem(at: url) } catch { print("cannot remove \(url.path): \(error)") }
    }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    @discardableResult
    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
        return path(name)
    }
}

/// The bytes of an IDX file.
func idx(_ dimensions: [Int], _ content: [UInt8], type: UInt8 = 8) -> [UInt8] {
    [0, 0, type, UInt8(dimensions.count)]
        + dimensions.flatMap { extent in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: extent >> $0) } } + content
}

/// Images of random-looking pixels; label i mod 3.
func makeDataset(count: Int, channels: Int = 1, height: Int = 12, width: Int = 10) -> ImageDataset {
    ImageDataset(
        name: "made", channels: channels, height: height, width: width, classCount: 3,
        pixels: (0..<count * channels * height * width).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) },
        labels: (0..<count).map { Int32($0 % 3) })
}

/// The sample that is committed, from its folder.
func loadSample() throws -> DatasetSplits {
    try FashionMNISTSample(settings(of: FashionMNISTSample.self, folder: sampleFolder.path)).open()
}

func settings(of type: any ImageCollection.Type, folder: String) -> Settings {
    Settings(type.keys).with("folder", folder)
}

extension ImageDataset {
    private var memory: InMemoryImages {
        guard let memory = source as? InMemoryImages else { preconditionFailure("\(name) is not in memory") }
        return memory
    }

    var height: Int { memory.geometry.height }
    var width: Int { memory.geometry.width }

    /// Of the chosen images, [n, channels, height, width].
    var pixels: [UInt8] {
        let size = memory.geometry.count
        return sourceIndices.flatMap { memory.pixels[Int($0) * size..<(Int($0) + 1) * size] }
    }

    /// What evaluations see, to the front of `output`.
    func renderViews(_ indices: some Sequence<Int>, size: Int, into output: HostBuffer<Float>) throws {
        try ImageRenderers(self, size: size).renderViews(indices, into: output)
    }
}
