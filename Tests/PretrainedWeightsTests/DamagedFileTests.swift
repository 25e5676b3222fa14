import Foundation
import PretrainedWeights
import Safetensors
import TestSupport
import Testing

/// Files that are broken, or made to do harm: an error that names the file, the place and what to do.
@Suite struct DamagedFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ bytes: [UInt8], _ name: String = "w.pth") throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
        return folder.file(name)
    }

    private func expectError(_ says: String, _ body: () throws -> Void) throws {
        let error = try #require(throws: WeightError.self) { try body() }
        #expect(error.description.contains(says), "\(error)")
        #expect(error.file.hasPrefix(folder.path) && !error.remedy.isEmpty, "\(error)")
    }

    private static let numbers: [Float] = [1, 2, 3, 4, 5, 6]

    // MARK: What is right

    @Test func viewsOfAStorageAreReadInOrder() throws {
        let tensors = [
            TorchFiles.Tensor(name: "plain"), .init(name: "turned", shape: [3, 2], strides: [1, 3]),
            .init(name: "part", offset: 1, shape: [2], strides: [3]),
            .init(name: "scalar", offset: 5, shape: [], strides: []),
            .init(name: "empty", offset: 6, shape: [0, 4], strides: [4, 1]),
            .init(name: "vast", shape: [0, 1 << 40, 1 << 40], strides: [0, 0, 0]),
        ]
        let bytes = TorchFiles.bytes(Self.numbers)
        let pickle = TorchFiles.pickle(tensors)
        for path in [
            try write(TorchFiles.zip(TorchFiles.members(pickle, storages: [("0", bytes)])), "zip.pth"),
            try write(TorchFiles.row(pickle, storages: [("0", 6, bytes)]), "row.pth"),
            try write(
                TorchFiles.row(
                    pickle, storages: [("0", 6, TorchFiles.bytes(Self.numbers, bigEndian: true))], bigEndian: true),
                "big.pth"),
            try write(
                TorchFiles.zip(
                    TorchFiles.members(pickle, storages: [("0", TorchFiles.bytes(Self.numbers, bigEndian: true))])
                        + [.init(name: "a/byteorder", content: Array("big".utf8))]), "big-zip.pth"),
        ] {
            let file = try WeightFile(path: path)
            #expect(file.tensors.count == 6)
            let found = try file.tensors.mapValues { try $0.floats() }
            #expect(found["plain"] == [1, 2, 3, 4, 5, 6] && found["turned"] == [1, 4, 2, 5, 3, 6])
            #expect(found["part"] == [2, 5] && found["scalar"] == [6] && found["empty"] == [] && found["vast"] == [])
        }
    }

    @Test func aTensorWithoutElementsMayHaveAnyShape() throws {
        var file = SafetensorsFile()
        file.tensors["vast"] = SafetensorsTensor([] as [Float], shape: [0, 1 << 40, 1 << 40])
        try file.write(to: folder.file("v.safetensors"))
        #expect(try WeightFile(path: folder.file("v.safetensors")).tensors["vast"]?.floats() == [])
    }

    @Test func whatLiesUnderTheOptimiserIsSteppedOverAndTheRestRefused() throws {
        let call = Array("cos\nsystem\nX".utf8) + TorchFiles.little(UInt32(4)) + Array("true".utf8) + [0x85, 0x52]
        let name = Array("cargparse\nNamespace\n".utf8) + [0x29, 0x81, 0x7D, 0x62]
        func file(_ entries: [(String, [UInt8])]) throws -> WeightFile {
            let tensor = ("w", TorchFiles.value(TorchFiles.Tensor()))
            let pickle = TorchFiles.pickle(TorchFiles.dictionary([tensor] + entries))
            let bytes = TorchFiles.bytes(Self.numbers)
            return try WeightFile(path: write(TorchFiles.zip(TorchFiles.members(pickle, storages: [("0", bytes)]))))
        }
        let read = try file([("opt", call), ("args", name), ("scaler", [0x4E]), ("epoch", [0x4B, 3])])
        #expect(read.steppedOver == ["args", "opt", "scaler"] && read.values == ["epoch": "3"])
        #expect(read.tensors.keys.sorted() == ["w"])
        try expectError("asks for os.system, which is not read here (nothing was executed)") {
            _ = try file([("epoch", call)])
        }
        try expectError("argparse.Namespace") { _ = try file([("config", name)]) }
    }

    // MARK: What is wrong

    struct Broken: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let says: String

        init(_ name: String, _ bytes: [UInt8], _ says: String) {
            (testDescription, self.bytes, self.says) = (name, bytes, says)
        }
    }

    private static let content = TorchFiles.bytes(numbers)

    private static func zip(_ tensor: TorchFiles.Tensor, _ change: (inout [TorchFiles.Member]) -> Void = { _ in })
        -> [UInt8]
    {
        var members = TorchFiles.members(TorchFiles.pickle([tensor]), storages: [("0", content)])
        change(&members)
        return TorchFiles.zip(members)
    }

    private static let whole = zip(.init())
    private static let row = TorchFiles.row(TorchFiles.pickle([.init()]), storages: [("0", 6, content)])

    /// A member whose content is a member with a line of its own in the directory.
    private static let inside: [UInt8] = {
        var members = TorchFiles.members(TorchFiles.pickle([.init()]), storages: [("0", content)])
        let inner = TorchFiles.zip([.init(name: "a/x", content: [1, 2])]).prefix(30 + 3 + 2)
        let place = TorchFiles.zip([members[0]]).count - 22 - 46 - members[0].name.utf8.count
        members[1].content = Array(inner)
        let start = place + 30 + members[1].name.utf8.count
        members.append(.init(name: "a/x", content: [1, 2], offset: start))
        return TorchFiles.zip(members)
    }()

    static let broken = [
        Broken("empty", [], "is empty"),
        Broken("no weights", Array("hello, world".utf8), "is no format of weights"),
        Broken("compressed", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0], "gzip"),
        Broken("another pickle", [0x80, 4, 0x4E, 0x2E, 0, 0, 0, 0, 0], "is a pickle, but none that torch.save"),
        Broken("a zip without its end", Array(whole.dropLast(30)), "cut off or damaged"),
        Broken("a zip of something else", TorchFiles.zip([.init(name: "a.txt", content: [1])]), "none that torch.save"),
        Broken("a wrong checksum", zip(.init()) { $0[2].checksum = 7 }, "checksum (CRC-32) is wrong"),
        Broken("a pickle with a wrong checksum", zip(.init()) { $0[0].checksum = 7 }, "checksum (CRC-32) is wrong"),
        Broken("a size beyond the end", zip(.init()) { $0[2].size = 1 << 20 }, "is cut off"),
        Broken("a member beyond the end", zip(.init()) { $0[2].offset = 1 << 30 }, "has no header"),
        Broken("a member inside another", inside, "members that overlap"),
        Broken("a name twice", zip(.init()) { $0.append($0[2]) }, "is there twice"),
        Broken("a way out", zip(.init()) { $0.append(.init(name: "a/../../x", content: [])) }, "leads out of"),
        Broken("a name from the root", zip(.init()) { $0.append(.init(name: "/x", content: [])) }, "leads out of"),
        Broken("two names", zip(.init()) { $0[2].localName = "a/data/1" }, "has two names"),
        Broken("deflated", zip(.init()) { $0[2].method = 8 }, "is compressed (method 8)"),
        Broken("encrypted", zip(.init()) { $0[2].flags = 1 }, "is encrypted"),
        Broken("too many members", TorchFiles.zip(TorchFiles.members([], storages: []), count: 60_000), "announced"),
        Broken("a program", zip(.init()) { $0.append(.init(name: "a/code/x.py", content: [])) }, "TorchScript"),
        Broken("no storage", zip(.init(storage: "7")), "a tensor refers to it"),
        Broken("a storage of another size", zip(.init(count: 5)), "24 bytes, but 5 elements"),
        Broken("a storage of 2⁶² elements", zip(.init(count: 1 << 62)), "elements are announced"),
        Broken("another type", zip(.init(kind: "QUInt8Storage")), "QUInt8Storage"),
        Broken("an offset beyond the end", zip(.init(offset: 1)), "leaves its storage"),
        Broken("a stride beyond the end", zip(.init(strides: [4, 1])), "leaves its storage"),
        Broken("a stride below zero", zip(.init(strides: [-1, 1])), "below zero"),
        Broken("an offset below zero", zip(.init(offset: -1)), "below zero"),
        Broken("a shape below zero", zip(.init(shape: [-1, -6])), "has the shape"),
        Broken(
            "a shape of 2⁶² elements", zip(.init(shape: [1 << 31, 1 << 31], strides: [0, 0])), "leaves its storage"),
        Broken("a shape beyond 64 bits", zip(.init(shape: [1 << 62, 4], strides: [0, 0])), "impossible shape"),
        Broken("strides of another number", zip(.init(strides: [1])), "with the strides"),
        Broken("a row that ends", Array(row.dropLast(1)), "is cut off in storage"),
        Broken(
            "a row without a storage", TorchFiles.row(TorchFiles.pickle([.init()]), storages: []), "has no storage 0"),
        Broken(
            "a row that lies", TorchFiles.row(TorchFiles.pickle([.init()]), storages: [("0", 1 << 61, content)]),
            "is cut off in storage"),
        Broken(
            "a storage twice",
            TorchFiles.row(TorchFiles.pickle([.init()]), storages: [("0", 6, content), ("0", 6, content)]),
            "no list of its storages"),
        Broken(
            "the same bytes a thousand times",
            TorchFiles.row(
                TorchFiles.pickle(
                    (0..<1000).map { .init(name: "w\($0)", count: 6_000, shape: [60, 100], strides: [100, 1]) }),
                storages: [("0", 6_000, [UInt8](repeating: 0, count: 24_000))]), "share their bytes"),
        // A dictionary that holds itself.
        Broken(
            "a circle",
            TorchFiles.zip(
                TorchFiles.members(
                    [0x80, 2, 0x7D, 0x71, 0, 0x58, 1, 0, 0, 0, 0x61, 0x68, 0, 0x73, 0x2E], storages: [])),
            "lies too deep"),
        Broken(
            "no dictionary", TorchFiles.zip(TorchFiles.members([0x80, 2, 0x4B, 1, 0x2E], storages: [])), "holds 1 where"
        ),
    ]

    @Test(arguments: broken)
    func isAnErrorThatNamesIt(_ example: Broken) throws {
        let path = try write(example.bytes)
        try expectError(example.says) {
            for tensor in try WeightFile(path: path).tensors.values {
                do {
                    _ = try tensor.floats()
                } catch let error as WeightError {
                    throw error
                }
            }
        }
    }

    /// Six dictionaries, each ten times in the next: a million entries of a few bytes.
    @Test func aBombOfDictionariesIsRefusedBeforeItGrows() throws {
        var bytes: [UInt8] = [0x80, 2, 0x4E, 0x71, 0]
        for level in 0..<6 {
            bytes += [0x30, 0x7D, 0x28]
            for key in 0..<10 { bytes += [0x4B, UInt8(key), 0x68, UInt8(level)] }
            bytes += [0x75, 0x71, UInt8(level + 1)]
        }
        let path = try write(TorchFiles.zip(TorchFiles.members(bytes + [0x2E], storages: [])))
        try expectError("more than 200000 entries") { _ = try WeightFile(path: path) }
    }

    @Test func foldersAndIndicesThatLieAreRefused() throws {
        try expectError("is a folder without") { _ = try WeightFile(path: folder.path) }
        try expectError("there is no such file") { _ = try WeightFile(path: folder.file("x")) }
        let error = try #require(throws: WeightError.self) { try WeightFile(path: "/dev/null") }
        #expect(error.description == "/dev/null: is not a regular file; give a file of weights")
        for (map, says) in [
            (#"{"w": "../w.safetensors"}"#, "outside of its folder"),
            (#"{"w": "/etc/passwd"}"#, "outside of its folder"),
            (#"{"w": "gone.safetensors"}"#, "which is not there"), (#"["w"]"#, "no index"),
            (#"{"x": "w.safetensors"}"#, "names x, which is in none"),
        ] {
            var file = SafetensorsFile()
            file.tensors["w"] = SafetensorsTensor([1] as [Float], shape: [1])
            try file.write(to: folder.file("w.safetensors"))
            _ = try write(Array("{\"weight_map\": \(map)}".utf8), "model.safetensors.index.json")
            try expectError(says) { _ = try WeightFile(path: folder.path) }
        }
    }
}
