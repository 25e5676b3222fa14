import Foundation
import HDF5
import Testing

/// HDF5 files that are made without their values.
@Suite struct HDF5SkeletonTests {
    private static let datasets: [HDF5Skeleton.Dataset] = [
        .init("wide", .float32, shape: [5, 2, 3]), .init("half", .float16, shape: [4]),
        .init("brain", .bfloat16, shape: [4]), .init("whole", .int32, shape: [3]),
        .init("texts", .text(byteCount: 6), shape: [2]),
    ]

    /// Writes pieces and values where they belong.
    private func build(_ skeleton: HDF5Skeleton, _ values: [String: [UInt8]]) -> Data {
        var file = Data(count: skeleton.byteCount)
        for (offset, bytes) in skeleton.pieces { file.replaceSubrange(offset..<(offset + bytes.count), with: bytes) }
        for (name, bytes) in values {
            let offset = skeleton.offsets[name] ?? 0
            file.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        return file
    }

    private func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

    @Test func valuesThatAreWrittenToTheirPlacesAreRead() throws {
        let skeleton = try HDF5Skeleton(Self.datasets, attributes: [("run", "größe")], file: "made")
        let wide = (0..<30).map { Float($0) / 3 }
        let file = build(
            skeleton,
            [
                "wide": bytes(wide), "half": bytes([0x3C00, 0xC000, 0x0001, 0x7BFF] as [UInt16]),
                "brain": bytes([0x3F80, 0xC000, 0x0001, 0x7F7F] as [UInt16]), "whole": bytes([-1, 0, 7] as [Int32]),
                "texts": Array("größe".utf8.prefix(6)) + Array("a".utf8) + [0, 0, 0, 0, 0],
            ])
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("skeleton-\(UUID()).h5").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try file.write(to: URL(fileURLWithPath: path))
        let root = try HDF5File(reading: path).root
        #expect(try root.dataset("wide").shape() == [5, 2, 3])
        #expect(try root.dataset("wide").read(as: Float.self) == wide)
        #expect(try root.dataset("half").read(as: Double.self) == [1, -2, 0x1p-24, 65_504])
        #expect(try root.dataset("brain").read(as: Double.self) == [1, -2, 0x1p-133, Double(Float(0x1.FEp127))])
        #expect(try root.dataset("whole").read(as: Int32.self) == [-1, 0, 7])
        #expect(try root.dataset("texts").readStrings()[1] == "a")
        #expect(try root.attributes.read("run") == .string("größe"))
    }

    @Test func equalDescriptionsGiveEqualBytes() throws {
        let made = try (0..<2).map { _ in
            build(try HDF5Skeleton(Self.datasets, attributes: [("a", "b"), ("c", "d")], file: "made"), [:])
        }
        #expect(made[0] == made[1] && !made[0].isEmpty)
    }

    @Test func aFileOfAnySizeTakesNoMemoryForItsValues() throws {
        // 4 TB of features.
        let skeleton = try HDF5Skeleton(
            [
                .init("features", .float32, shape: [1_000_000_000, 1000]),
                .init("labels", .int32, shape: [1_000_000_000]),
            ],
            attributes: [], file: "large")
        #expect(skeleton.byteCount > 4_000_000_000_000)
        #expect(skeleton.pieces.reduce(0) { $0 + $1.bytes.count } < 65_536)
        let labels = try #require(skeleton.offsets["labels"])
        let features = try #require(skeleton.offsets["features"])
        #expect(abs(labels - features) >= 4_000_000_000)
    }
}
