import Foundation
import Pickle
import Testing

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/containers")

private let policy = PickleReader.Policy(globals: PickledArray.globals)

@Suite("Pickles")
struct PickleReaderTests {
    private func document(_ name: String) throws -> (PickleDocument, [UInt8]) {
        let bytes = Array(try Data(contentsOf: fixtures.appendingPathComponent(name)))
        return (try PickleReader.read(bytes, policy: policy), bytes)
    }

    @Test("All protocols give the same values", arguments: 0...5)
    func protocols(_ version: Int) throws {
        let (document, bytes) = try document("batch-protocol-\(version).pickle")
        // Below protocol 3 Python 3 writes bytes as an encoded text.
        let entries = try #require(document.entries(of: document.root))
        #expect(entries.count == 5)
        let array = try PickledArray(try #require(document.value(of: "data", in: document.root)), in: document)
        #expect(document.value(of: "labels", in: document.root).flatMap { document.integers(of: $0) } == [3, 9])
        #expect(
            document.value(of: "filenames", in: document.root).flatMap { document.strings(of: $0) }
                == ["one.png", "two.png"])
        #expect(array.elementType == "u1" && array.shape == [2, 3072] && !array.isFortranOrdered)
        let content =
            switch array.content {
            case .place(let place): Array(bytes[place.offset..<place.offset + place.count])
            case .bytes(let bytes): bytes
            }
        var expected: [UInt8] = []
        for image in 0..<2 {
            for place in 0..<3072 { expected.append(UInt8((7 * image + place + place / 256) % 251)) }
        }
        #expect(content == expected)
        let many = try #require(entries.last.flatMap { document.items(of: $0.value) })
        #expect(many.prefix(600).map(\.integer) == (-300..<300).map { $0 })
        #expect(many[600] == .int(1 << 40))
        #expect(many[601] == .bigInteger([0, 0, 0, 0, 0, 0, 0, 0, 0xC0]))
        #expect(many[602] == .float(1.5) && many[603] == .bool(true) && many[604] == .none)
        let tuple = try #require(document.items(of: many[605]))
        #expect(tuple.count == 3 && tuple[2].string == "ä")
        #expect(document.integers(of: tuple[1]) == [2, 3])
        let list = try #require(document.value(of: "k", in: many[606]))
        #expect(document.items(of: list) == [])
    }

    @Test("A container that is remembered before it is filled is the same one after")
    func shared() throws {
        // ] memo 0, append 1; a tuple of it twice.
        let bytes: [UInt8] = [0x80, 2, 0x5D, 0x71, 0, 0x4B, 1, 0x61, 0x68, 0, 0x86, 0x2E]
        let document = try PickleReader.read(bytes, policy: policy)
        let items = try #require(document.items(of: document.root))
        #expect(items.count == 2 && items[0] == items[1])
        #expect(document.integers(of: items[1]) == [1])
    }

    struct Broken: CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let says: String
        var testDescription: String { name }
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    static let broken = [
        Broken(name: "empty", bytes: [], says: "truncated"),
        Broken(name: "a call of the system", bytes: text("cos\nsystem\n(S'true'\ntR."), says: "os.system"),
        Broken(name: "a class by INST", bytes: text("(S'true'\nios\nsystem\n."), says: "INST"),
        Broken(name: "an extension", bytes: [0x80, 2, 0x82, 1, 0x2E], says: "EXT1"),
        Broken(name: "an unknown opcode", bytes: [0x80, 2, 0xFF, 0x2E], says: "0xff"),
        Broken(name: "a protocol to come", bytes: [0x80, 6, 0x4E, 0x2E], says: "protocol 6"),
        Broken(name: "4 GB announced", bytes: [0x80, 3, 0x42, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], says: "are announced"),
        Broken(
            name: "2⁶³ bytes announced", bytes: [0x80, 4, 0x8E, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x2E],
            says: "a length of 9223372036854775808"),
        Broken(
            name: "a negative length", bytes: [0x80, 2, 0x54, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], says: "negative length"),
        Broken(name: "a frame beyond the end", bytes: [0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x4E], says: "frame"),
        Broken(name: "nothing on the stack", bytes: [0x2E], says: "leaves 0 values"),
        Broken(name: "two values left", bytes: [0x4E, 0x4E, 0x2E], says: "leaves 2 values"),
        Broken(name: "a tuple without a mark", bytes: [0x4E, 0x74, 0x2E], says: "mark is missing"),
        Broken(name: "a value below the mark", bytes: [0x4E, 0x28, 0x30, 0x30, 0x30, 0x2E], says: "stack is empty"),
        Broken(name: "memory that is not there", bytes: [0x68, 7, 0x2E], says: "value 7 is used"),
        Broken(name: "a key without a value", bytes: [0x7D, 0x28, 0x4B, 1, 0x75, 0x2E], says: "no value"),
        Broken(name: "keys in a list", bytes: [0x5D, 0x4B, 1, 0x4B, 2, 0x73, 0x2E], says: "keys are set in a list"),
        Broken(name: "items in a number", bytes: [0x4B, 1, 0x4B, 2, 0x61, 0x2E], says: "added to an integer"),
        Broken(name: "a text called", bytes: [0x8C, 1, 0x61, 0x29, 0x52, 0x2E], says: "a text is called"),
        Broken(name: "a state for a list", bytes: [0x5D, 0x4E, 0x62, 0x2E], says: "state belongs to no object"),
        Broken(name: "an outside object", bytes: text("P12\n."), says: "outside the file"),
        Broken(name: "a text that is no UTF-8", bytes: [0x58, 1, 0, 0, 0, 0xFF, 0x2E], says: "UTF-8"),
        Broken(name: "a number that is none", bytes: text("Iten\n."), says: "\"ten\" is no integer"),
        Broken(name: "a line without an end", bytes: [0x49] + [UInt8](repeating: 0x31, count: 70_000), says: "longer"),
    ]

    @Test("What is broken or asks for execution is refused by name", arguments: broken)
    func refused(_ example: Broken) throws {
        let error = try #require(throws: PickleError.self) { try PickleReader.read(example.bytes, policy: policy) }
        #expect(error.description.contains(example.says), "\(error)")
        #expect(error.offset <= example.bytes.count)
    }

    @Test("A pickle with too many values is refused")
    func limit() throws {
        var small = policy
        small.maximumValues = 1000
        let bytes = [UInt8](repeating: 0x4E, count: 2000)
        let error = try #require(throws: PickleError.self) { try PickleReader.read(bytes, policy: small) }
        #expect(error.problem.contains("more than 1000 values"))
        // One value, kept under a number after the other; and marks that nothing takes away.
        let memo = (0..<1500).reduce(into: [UInt8]([0x4E])) { $0 += [0x72, UInt8($1 & 255), UInt8($1 >> 8), 0, 0] }
        for bytes in [memo, [UInt8](repeating: 0x28, count: 2000)] {
            let error = try #require(throws: PickleError.self) { try PickleReader.read(bytes, policy: small) }
            #expect(error.problem.contains("more than 1000 values"))
        }
    }

    @Test("A million nested tuples, and a list in itself, are read without recursion")
    func nesting() throws {
        let deep = [0x80, 2, 0x4E] + [UInt8](repeating: 0x85, count: 1_000_000) + [0x2E]
        #expect(try PickleReader.read(deep, policy: policy).root.kind == "a tuple")
        let circle = try PickleReader.read([0x80, 2, 0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E], policy: policy)
        #expect(circle.items(of: circle.root) == [circle.root])
    }

    @Test("Cut at any byte: an error, never a trap")
    func truncated() throws {
        for version in [0, 2, 5] {
            let bytes = Array(try Data(contentsOf: fixtures.appendingPathComponent("batch-protocol-\(version).pickle")))
            for end in stride(from: 0, to: bytes.count, by: 13) {
                #expect(throws: PickleError.self) { try PickleReader.read(Array(bytes.prefix(end)), policy: policy) }
            }
        }
    }

    @Test("Mutated pickles give a value or an error")
    func mutated() throws {
        var state: UInt64 = 1
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        for version in 0...5 {
            let bytes = Array(try Data(contentsOf: fixtures.appendingPathComponent("batch-protocol-\(version).pickle")))
            // The structure alone: what surrounds the pixels.
            for _ in 0..<300 {
                var mutated = bytes
                for _ in 0..<(1 + next() % 4) {
                    let place = next() % 2 == 0 ? next() % 200 : bytes.count - 1 - next() % 1500
                    mutated[max(0, place)] = UInt8(truncatingIfNeeded: next())
                }
                do {
                    let document = try PickleReader.read(mutated, policy: policy)
                    for entry in document.entries(of: document.root) ?? [] {
                        _ = try PickledArray(entry.value, in: document).elementCount
                    }
                } catch is PickleError {
                    // An error is as good as a value.
                }
            }
        }
    }
}
