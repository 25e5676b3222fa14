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

    /// References of the first array, 16 bytes each: length, address of its heap, number of the object in it.
    private func damage(_ body: (inout [UInt8], _ heap: Int, _ reference: Int) throws -> Void) throws -> DatasetError {
        let path = folder.path("encoded.h5")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let heap = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("GCOL".utf8)) })
        let address = (0..<8).map { UInt8(truncatingIfNeeded: heap >> (8 * $0)) }
        let reference = try #require(
            bytes.indices.dropLast(16).first {
                bytes[($0 + 4)..<($0 + 12)].elementsEqual(address)
                    && bytes[($0 + 12)..<($0 + 16)].elementsEqual([1, 0, 0, 0])
            })
        try body(&bytes, heap, reference)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let splits = try open()
        return try #require(throws: DatasetError.self) { try views(splits.train) }
    }

    /// What is written over the first reference, or over the heap, and what is said of it.
    struct Lie: Sendable {
        let words: String
        var isInHeap = false
        let offset: Int
        let bytes: [UInt8]
    }

    private static let lies = [
        Lie(words: "but the array says 4294967295", offset: 0, bytes: [255, 255, 255, 255]),
        Lie(words: "but the array says 1", offset: 0, bytes: [1, 0, 0, 0]),
        Lie(words: "its reference is none", offset: 4, bytes: [UInt8](repeating: 255, count: 8)),
        Lie(words: "there is no heap at byte", offset: 4, bytes: [8]),
        Lie(words: "does not hold it", offset: 13, bytes: [200]),
        Lie(words: "is damaged at byte", isInHeap: true, offset: 24, bytes: [UInt8](repeating: 0x7F, count: 8)),
    ]

    @Test("Lengths and places that lie are named with the image, and take no memory", arguments: lies)
    func lying(_ lie: Lie) throws {
        let error = try damage { bytes, heap, reference in
            let start = (lie.isInHeap ? heap : reference) + lie.offset
            bytes.replaceSubrange(start..<start + lie.bytes.count, with: lie.bytes)
        }
        #expect(error.problem.contains(lie.words) && error.isAboutBytes, "\(error)")
        #expect(error.place.hasSuffix("encoded.h5: /train/images[0]"), "\(error)")
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
