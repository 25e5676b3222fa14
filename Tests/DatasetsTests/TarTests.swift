import Datasets
import Foundation
import Testing

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/containers")

/// A member of a ustar archive.
private func member(_ name: String, _ content: [UInt8], kind: UInt8 = 0x30) -> [UInt8] {
    func octal(_ value: Int, _ width: Int) -> [UInt8] {
        let digits = String(value, radix: 8)
        return Array((String(repeating: "0", count: width - 1 - digits.count) + digits).utf8) + [0]
    }
    var head = [UInt8](repeating: 0, count: 512)
    head.replaceSubrange(0..<name.utf8.count, with: Array(name.utf8))
    head.replaceSubrange(124..<136, with: octal(content.count, 12))
    head[156] = kind
    head.replaceSubrange(257..<263, with: Array("ustar".utf8) + [0])
    head.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
    let sum = head.reduce(0) { $0 + Int($1) }
    head.replaceSubrange(148..<155, with: octal(sum, 7))
    return head + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
}

private func member(_ name: String, _ content: String = "") -> [UInt8] { member(name, Array(content.utf8)) }

private let end = [UInt8](repeating: 0, count: 1024)

@Suite("Tar shards")
struct TarTests {
    private func read(
        _ shards: [[UInt8]], imageExtension: String? = nil, labels: ShardSamples.LabelRule = .automatic
    ) throws -> ShardSamples {
        let folder = try TemporaryFolder()
        let paths = try shards.enumerated().map { try folder.write($1, "\($0).tar") }
        return try ShardSamples.read(paths, imageExtension: imageExtension, labels: labels, remedy: "mend it")
    }

    @Test("A shard that is cut off between two members is refused, with how to mend a whole one")
    func cutBetweenMembers() throws {
        let error = try #require(throws: DatasetError.self) { try read([member("a.jpg", "one")]) }
        #expect(error.problem.contains("without the mark of an archive's end"), "\(error)")
        #expect(error.remedy.contains("head -c 1024 /dev/zero >>"))
        #expect(try read([member("a.jpg", "one") + [UInt8](repeating: 0, count: 512)], labels: .none).count == 1)
    }

    @Test("Python's archives are indexed in each format", arguments: ["ustar", "gnu", "pax"])
    func formats(_ name: String) throws {
        let path = fixtures.appendingPathComponent(name + ".tar").path
        let index = try TarIndex(PositionalFile(path: path, remedy: ""))
        let names = (0..<index.count).map { index.names[$0] }
        let far =
            name == "ustar"
            ? String(repeating: "b", count: 80) + "/" + String(repeating: "c", count: 60) + ".jpg"
            : String(repeating: "a-folder/", count: 20) + "picture.jpg"
        #expect(
            names == ["train/0 a.JPG", "train/0 a.cls", "train/1.jpg", "train/1.cls", far]
                + (name == "ustar" ? [] : ["train/ü.jpg"]))
        #expect(Array(index.sizes.prefix(5)) == [11, 2, 513, 1, 8])
        let file = try PositionalFile(path: path, remedy: "")
        #expect(try file.read(at: index.offsets[0], count: 11) == Array("first image".utf8))
        #expect(try file.read(at: index.offsets[4], count: 8) == Array("far away".utf8))
    }

    @Test("Samples are grouped by the first dot; labels come from .cls, .json or the folder")
    func samples() throws {
        let cls = try read([
            member("./0.JPG", "a") + member("./0.cls", "7\n") + member("./1.jpg", "bb") + member("./1.cls", "2") + end,
            member("0.jpg", "ccc") + member("0.cls", "0") + end,
        ])
        #expect(cls.count == 3 && cls.labels == [7, 2, 0] && cls.classNames.isEmpty)
        let json = try read([
            member("a.json", "{\"label\": 3}") + member("a.png") + member("b.json", "{\"label\": 4.0}")
                + member("b.png") + end
        ])
        #expect(json.labels == [3, 4])
        let named = try read(
            [
                member("a.json", "{\"kind\": \"zebra\"}") + member("a.png") + member("b.json", "{\"kind\": \"ape\"}")
                    + member("b.png") + end
            ],
            labels: .json("kind"))
        #expect(named.labels == [1, 0] && named.classNames == ["ape", "zebra"])
        let folders = try read([member("x/b/1.webp") + member("x/a/1.webp") + member("x/b/2.webp") + end])
        #expect(folders.labels == [1, 0, 1] && folders.classNames == ["a", "b"])
        #expect(folders.name(1).hasSuffix("0.tar/x/a/1.webp"))
        let unlabeled = try read([member("1.jpg") + member("__meta__.jpg") + member("2.jpg") + end], labels: .none)
        #expect(unlabeled.labels == [-1, -1])
        let odd = try read([member("22.05.png", "p") + member("22.05.cls", "3") + member(".hidden.jpg") + end])
        #expect(odd.labels == [3] && odd.name(0).hasSuffix("22.05.png"))
        let masks = try read([member("a.seg.png", "s") + member("a.jpg", "i") + member("a.cls", "1") + end])
        #expect(masks.name(0).hasSuffix("a.jpg"))
        let chosen = try read(
            [member("a.seg.png", "s") + member("a.jpg", "i") + end], imageExtension: "seg.png", labels: .none)
        #expect(chosen.name(0).hasSuffix("a.seg.png"))
    }

    @Test("An image's bytes are read from its shard, which must not have changed")
    func bytes() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(member("a.jpg", "one") + member("b.jpg", "three") + end, "0.tar")
        let samples = try ShardSamples.read([path], labels: .none, remedy: "mend it")
        let files = OpenFiles(limit: 1, remedy: "mend it")
        #expect(try samples.bytes(1, from: files) == Array("three".utf8))
        let again = FileHandle(forWritingAtPath: path)
        try again?.write(contentsOf: Array("z".utf8))
        try again?.close()
        let written = try #require(throws: DatasetError.self) { try samples.bytes(1, from: files) }
        #expect(written.description.contains("has been changed since it was opened"))
        try folder.write(member("a.jpg", "four") + end, "0.tar")
        let changed = try #require(throws: DatasetError.self) {
            try samples.bytes(0, from: OpenFiles(remedy: "mend it"))
        }
        #expect(changed.description.contains("replaced or changed"))
    }

    struct Broken: CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let says: String
        var testDescription: String { name }
    }

    static let broken = [
        Broken(name: "an empty file", bytes: [], says: "has 0 bytes, which is no tar archive"),
        Broken(name: "gzip", bytes: [0x1F, 0x8B, 8, 0], says: "gzip -d 0.tar"),
        Broken(name: "zstd", bytes: [0x28, 0xB5, 0x2F, 0xFD], says: "zstd -d 0.tar"),
        Broken(name: "text", bytes: [UInt8](repeating: 0x41, count: 600), says: "at byte 0"),
        Broken(
            name: "cut content", bytes: member("a.jpg", "a") + Array(member("b.jpg", "bbbb").prefix(514)),
            says: "4 bytes of \"b.jpg\" should follow byte 1024, but the file ends at byte 1538"),
        Broken(
            name: "cut head", bytes: member("a.jpg", "a") + Array(member("b.jpg", "b").prefix(100)),
            says: "should follow byte 1024"),
        Broken(
            name: "a head with another checksum",
            bytes: member("a.jpg", "a") + member("b.jpg", "b").enumerated().map { $0 == 3 ? $1 ^ 1 : $1 },
            says: "has a head with a wrong checksum at byte 1024"),
        Broken(
            name: "a sparse member", bytes: member("s.jpg", [1], kind: UInt8(ascii: "S")),
            says: "without the option --sparse"),
        Broken(
            name: "a pax record without a length", bytes: member("x", Array("path=a\n".utf8), kind: UInt8(ascii: "x")),
            says: "no length"),
        Broken(
            name: "a pax size beyond all numbers",
            bytes: member("x", Array("29 size=99999999999999999999\n".utf8), kind: UInt8(ascii: "x")) + member("a.jpg"),
            says: "no number"),
        Broken(name: "a part twice", bytes: member("a.jpg") + member("a.JPG") + end, says: "twice"),
        Broken(
            name: "two images", bytes: member("22.05.png") + member("22.06.png") + end,
            says: "a key ends at the first dot"),
        Broken(name: "a label that is none", bytes: member("a.jpg") + member("a.cls", "cat") + end, says: "\"cat\""),
        Broken(name: "a huge class", bytes: member("a.jpg") + member("a.cls", "2000000000") + end, says: "2000000000"),
        Broken(name: "broken JSON", bytes: member("a.jpg") + member("a.json", "{") + end, says: "is no JSON"),
        Broken(
            name: "labels for some", bytes: member("a.jpg") + member("b.jpg") + member("b.cls", "1") + end,
            says: "has no label"),
        Broken(name: "no images", bytes: member("a.txt") + end, says: "no sample in 1 shards has an image"),
    ]

    @Test("Broken shards: the error names the shard, the place and the remedy", arguments: broken)
    func refused(_ example: Broken) throws {
        let error = try #require(throws: DatasetError.self) { try read([example.bytes]) }
        #expect(error.description.contains(example.says), "\(error)")
        #expect(error.place.contains("0.tar") && !error.remedy.isEmpty)
    }

    @Test("Mutated shards give samples or an error")
    func mutated() throws {
        let folder = try TemporaryFolder()
        var state: UInt64 = 3
        for name in ["ustar", "gnu", "pax"] {
            let bytes = Array(try Data(contentsOf: fixtures.appendingPathComponent(name + ".tar")))
            for _ in 0..<150 {
                var mutated = bytes
                for _ in 0..<4 {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    mutated[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 25)
                }
                let path = try folder.write(mutated, "m.tar")
                do { _ = try ShardSamples.read([path], labels: .automatic, remedy: "mend it") } catch is DatasetError {
                    // An error is as good as samples.
                }
            }
        }
    }

    @Test("Names with braces and wildcards become shards in a fixed order; missing ones are named")
    func names() throws {
        let folder = try TemporaryFolder()
        for name in ["s-08.tar", "s-09.tar", "s-10.tar", "s-11.tar", "a-1.tar", "b-1.tar"] {
            try folder.write([1], name)
        }
        func expand(_ patterns: String...) throws -> [String] {
            try ShardNames.expand(patterns, in: folder.url.path, remedy: "mend it")
                .map { URL(fileURLWithPath: $0).lastPathComponent }
        }
        #expect(try expand("s-{08..11}.tar") == ["s-08.tar", "s-09.tar", "s-10.tar", "s-11.tar"])
        #expect(try expand("{b,a}-1.tar") == ["b-1.tar", "a-1.tar"])
        #expect(try expand("{s-1{1..0},a-1}.tar") == ["s-11.tar", "s-10.tar", "a-1.tar"])
        #expect(try expand("s-1*.tar", "?-1.tar") == ["s-10.tar", "s-11.tar", "a-1.tar", "b-1.tar"])
        func refusal(_ pattern: String) throws -> String {
            try #require(throws: DatasetError.self) { try expand(pattern) }.description
        }
        #expect(try refusal("s-{08..13}.tar").contains("s-12.tar: is missing, and 1 more of 6 shards: s-13.tar"))
        #expect(try refusal("{s-08,s-08}.tar").contains("named twice"))
        #expect(try refusal("z*.tar").contains("matches no file"))
        #expect(try refusal("s-{0..9999999999}.tar").contains("more than 1000000"))
        #expect(try refusal("{0..999999}{0..999999}.tar").contains("more than 1000000"))
        #expect(try refusal("s-{08.tar").contains("not closed"))
        #expect(try refusal("s-{08}.tar").contains("neither a range nor a list"))
    }
}
