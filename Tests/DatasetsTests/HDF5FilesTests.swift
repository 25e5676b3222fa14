import Declarations
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Datasets

/// Fixtures/containers/encoded.h5, which h5py wrote.
@Suite("Encoded images in HDF5 files")
struct HDF5FilesTests {
    private static let names = ["rgb8.png", "grey.jpg", "lossy.webp", "ycc-2x2.jpg"]
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/containers/encoded.h5")
        try FileManager.default.copyItem(at: fixture, to: URL(fileURLWithPath: folder.path("encoded.h5")))
    }

    private func open(_ change: (Settings) -> Settings = { $0 }) throws -> DatasetSplits {
        let usual = settings(of: HDF5Files.self, folder: folder.url.path)
            .with("train_file", "encoded.h5").with("test_file", "encoded.h5")
            .with("images_path", "train/images").with("test_images_path", String?("test/images"))
            .with("labels_path", String?("train/labels")).with("test_labels_path", String?("test/labels"))
        return try HDF5Files(change(usual)).open(for: ModelInput(channels: 3, imageSize: 16))
    }

    private func views(_ images: ImageDataset) throws -> [Float] {
        let output = HostBuffer<Float>(count: images.count * 3 * 16 * 16)
        try images.renderViews(0..<images.count, size: 16, into: output)
        return output.array
    }

    @Test("They are the images of the files whose bytes they are")
    func images() throws {
        let splits = try open()
        #expect(splits.train.count == 4 && splits.train.labels == [0, 1, 0, 1] && splits.test.labels == [0, 1])
        let tree = try PictureTree(copies: 1)
        for (place, name) in Self.names.enumerated() {
            try tree.write(PictureTree.picture(name), "same/\(place)." + URL(fileURLWithPath: name).pathExtension)
        }
        let lines = Self.names.enumerated().map { place, name in
            "same/\(place).\(URL(fileURLWithPath: name).pathExtension) \(place % 2)\n"
        }
        try tree.write(Data(lines.joined().utf8), "train.txt")
        try tree.write(Data(lines.prefix(2).joined().utf8), "test.txt")
        let files = try ListedImages(settings(of: ListedImages.self, folder: tree.path))
            .open(for: ModelInput(channels: 3, imageSize: 16))
        #expect(try views(splits.train) == views(files.train) && views(splits.test) == views(files.test))
        #expect(splits.train.name(of: 2)?.hasSuffix("train/images[2]") == true)
    }

    @Test("Another file, another fingerprint; a file that is written to while it is open is named")
    func changed() throws {
        let first = try open()
        let path = folder.path("encoded.h5")
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: [0])
        try file.close()
        let error = try #require(throws: DatasetError.self) { try views(first.train) }
        #expect(error.place == path && error.problem.contains("changed"))
        #expect(try open().train.fingerprint != first.train.fingerprint)
    }

    @Test("Arrays of something else, classes that are none, and limits are refused with what to do")
    func refused() throws {
        func refusal(_ key: String, _ value: String?) throws -> String {
            try #require(throws: DatasetError.self) { try open { $0.with(key, value) } }.description
        }
        #expect(try refusal("labels_path", "train/images").contains("train/images"))
        #expect(try refusal("test_labels_path", "train/labels").contains("shape [4]"))
        let pixels = try #require(throws: DatasetError.self) { try open { $0.with("images_path", "train/damaged") } }
        #expect(pixels.problem.contains("no runs of bytes") && pixels.problem.contains("data.dataset: hdf5"))
        let small = try #require(throws: DatasetError.self) { try views(open { $0.with("max_bytes", 100) }.train) }
        #expect(small.place.hasSuffix("train/images[0]") && small.remedy.contains("data.max_bytes"), "\(small)")
    }
}
