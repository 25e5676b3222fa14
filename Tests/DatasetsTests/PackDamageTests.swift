import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Datasets

/// Files that are not as they were written: an error that names the file, and no more.
@Suite("Damaged packs")
struct PackDamageTests {
    private let made: PackedTree
    private let whole: [UInt8]
    private let indexStart: Int

    init() throws {
        made = try PackedTree()
        try made.pack(PackSettings(encoding: .raw, shortSide: 12), "whole.pack")
        whole = try made.bytes("whole.pack")
        indexStart = Int(StoredWords.word(whole, at: 56))
    }

    private var path: String { made.tree.file("bad.pack") }

    /// Opens a file of these bytes and reads all images of it.
    private func readAll(_ bytes: [UInt8]) throws {
        try made.tree.write(Data(bytes), "bad.pack")
        let pack = try Pack([path])
        for name in pack.splitNames {
            let source = PackedImages(try #require(pack.split(name)))
            for image in 0..<source.count { _ = try packedPixels(source, image) }
        }
    }

    private func problem(_ bytes: [UInt8]) throws -> String {
        let error = try #require(throws: DatasetError.self) { try readAll(bytes) }
        #expect(error.place.hasPrefix(path) && error.remedy.contains("data pack"), "\(error)")
        return error.problem
    }

    /// The same with checksums that fit what is there now.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let start = min(bytes.count, max(PackHeader.size, Int(clamping: StoredWords.word(bytes, at: 56))))
        bytes.replaceSubrange(88..<96, with: StoredWords.bytes(StoredWords.checksum(bytes[start...])))
        let end = PackHeader.size - 8
        bytes.replaceSubrange(end..<end + 8, with: StoredWords.bytes(StoredWords.checksum(bytes[..<end])))
        return bytes
    }

    @Test("Every length but the whole one is refused")
    func truncated() throws {
        try readAll(whole)
        for length in [0, 1, 7, 8, 100, 4095, 4096, 4097, indexStart - 1, indexStart, whole.count - 1] {
            let text = try problem(Array(whole.prefix(length)))
            #expect(text.contains(length < 8 ? "no pack" : "truncated"), "\(length): \(text)")
        }
        #expect(try problem(whole + [0]).contains("more than"))
    }

    @Test("A bit that has changed is found wherever it is, and the place is named")
    func flipped() throws {
        var random = RandomStream(seed: 3, purpose: .tests)
        let regions = [0..<8, 8..<96, 96..<4096, 4096..<indexStart, indexStart..<whole.count]
        for region in regions {
            for _ in 0..<12 {
                var bytes = whole
                bytes[region.lowerBound + random.integer(below: region.count)] ^= 1 << UInt8(random.integer(below: 8))
                let text = try problem(bytes)
                #expect(region.upperBound == 8 || text.contains("damaged") || text.contains("checksum"), "\(text)")
            }
        }
    }

    @Test("Numbers that lie, with checksums that fit, are refused or do no harm")
    func lying() throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["PACK_MUTATIONS"].flatMap { Int($0) } ?? 400
        var random = RandomStream(
            seed: environment["IMAGE_MUTATION_SEED"].flatMap { UInt64($0) } ?? 5, purpose: .tests)
        let extremes: [UInt64] = [0, 1, 0x7FFF_FFFF_FFFF_FFFF, .max, 0xFFFF_FFFF, 0x8000_0000, UInt64(whole.count)]
        var refused = 0
        for _ in 0..<count {
            var bytes = whole
            for _ in 0...random.integer(below: 3) {
                let isHeader = random.integer(below: 3) == 0
                let place =
                    isHeader
                    ? 8 * (1 + random.integer(below: 10)) : indexStart + random.integer(below: whole.count - indexStart)
                if random.integer(below: 2) == 0 {
                    bytes[place] = UInt8(random.integer(below: 256))
                } else {
                    let value = extremes[random.integer(below: extremes.count)]
                    for (offset, byte) in StoredWords.bytes(value).enumerated() where place + offset < bytes.count {
                        bytes[place + offset] = byte
                    }
                }
            }
            do { try readAll(sealed(bytes)) } catch let error as DatasetError {
                refused += 1
                #expect(error.place.hasPrefix(path))
            }
        }
        #expect(refused > count / 4)
    }

    @Test("A lying size of an image, of a class or of a place is named with the image")
    func lyingEntries() throws {
        let descriptionLength = Int(StoredWords.word(whole, at: 72))
        let entry = indexStart + descriptionLength + 3 * PackEntry.size
        for (place, value, words) in [
            (0, UInt64(whole.count), "outside of the images"), (0, .max, "outside of the images"),
            (16, 0xFFFF_FFFF_FFFF_FFFF, "outside of the images"), (24, 0x0000_0063_0000_0001, "pixels has"),
        ] {
            var bytes = whole
            bytes.replaceSubrange(entry + place..<entry + place + 8, with: StoredWords.bytes(value))
            let text = try problem(sealed(bytes))
            #expect(text.contains("image 3") && text.contains(words), "\(text)")
        }
    }

    @Test("Only the rows of a crop are read")
    func rows() throws {
        let source = PackedImages(try #require(Pack([made.tree.file("whole.pack")]).split("train")))
        let region = CropRegion(top: 4, left: 1, height: 5, width: 8)
        let before = try packedPixels(source, 0, region)
        let entry = source.split.entry(of: 0)
        var bytes = whole
        let row = Int(entry.width) * 3
        for place in 0..<Int(entry.length) where place < 4 * row || place >= 9 * row {
            bytes[Int(entry.offset) + place] ^= 0xFF
        }
        try made.tree.write(Data(bytes), "bad.pack")
        let other = PackedImages(try #require(Pack([path]).split("train")))
        #expect(try packedPixels(other, 0, region) == before)
        #expect(throws: DatasetError.self) { try packedPixels(other, 0) }
    }

    @Test("A file that is cut off, replaced or gone while it is read gives an error")
    func changes() throws {
        try made.tree.write(Data(whole), "bad.pack")
        let changes: [() throws -> Void] = [
            { try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 5000) },
            {
                // Longer, so that a coarse clock does not hide it.
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try handle.write(contentsOf: Data(whole))
                try handle.truncate(atOffset: UInt64(whole.count + 1))
            },
        ]
        for (number, change) in changes.enumerated() {
            try made.tree.write(Data(whole), "bad.pack")
            let source = PackedImages(try #require(Pack([path]).split("train")))
            _ = try packedPixels(source, 0)
            try change()
            let error = try #require(throws: DatasetError.self) { try packedPixels(source, 1) }
            #expect(error.place == path && error.problem.contains("changed"), "\(number): \(error)")
        }
    }
}
