import Foundation
import HDF5
import TestSupport
import Testing

@Suite struct HDF5FileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Builds a file, stores it and opens it again.
    private func stored(_ name: String = "file.h5", _ body: (HDF5Group) throws -> Void) throws -> HDF5Group {
        let file = try HDF5File(buildingInMemory: name)
        try body(file.root)
        try file.image().write(to: URL(fileURLWithPath: folder.file(name)))
        return try HDF5File(reading: folder.file(name)).root
    }

    @Test func keepsNumbersExactly() throws {
        let doubles = [0.1, -.infinity, 1e-300, .pi]
        let root = try stored {
            try $0.create("a/doubles", doubles, shape: [2, 2])
            try $0.create("a/floats", [1.5, .greatestFiniteMagnitude] as [Float], shape: [2])
            try $0.create("integers", [.min, -1, .max] as [Int32], shape: [3, 1])
            try $0.create("long", [.min, .max] as [Int64], shape: [2])
            try $0.create("scalar", [2.5], shape: [])
            try $0.create("empty", [] as [Double], shape: [0, 3])
        }
        #expect(try root.dataset("a/doubles").read() == doubles)
        #expect(try root.dataset("/a/doubles").shape() == [2, 2])
        #expect(try root.dataset("a/floats").read() == [1.5, .greatestFiniteMagnitude] as [Float])
        #expect(try root.dataset("a/floats").elementType() == .float32)
        #expect(try root.dataset("integers").read() == [.min, -1, .max] as [Int32])
        #expect(try root.dataset("integers").read() == [-2_147_483_648, -1, 2_147_483_647] as [Double])
        #expect(try root.dataset("long").read() == [.min, .max] as [Int64])
        #expect(try root.dataset("scalar").shape() == [])
        #expect(try root.dataset("scalar").read() == [2.5])
        #expect(try root.dataset("empty").shape() == [0, 3])
        #expect(try root.dataset("empty").read() == [] as [Double])
        #expect(try root.childNames() == ["a", "empty", "integers", "long", "scalar"])
        #expect(try root.kind(of: "a") == .group)
        #expect(try root.kind(of: "a/floats") == .dataset)
        #expect(try root.kind(of: "b/floats") == nil)
        #expect(try root.group("a").path == "/a")
    }

    @Test func keepsStringsOfAnyLengthAndScript() throws {
        let texts = ["", "Grüße", "日本語 🦆", String(repeating: "x", count: 100_000)]
        let root = try stored {
            try $0.create("one", "{\"a\": 1}\n")
            try $0.create("many", texts)
            try $0.create("none", [] as [String])
        }
        #expect(try root.dataset("one").readStrings() == ["{\"a\": 1}\n"])
        #expect(try root.dataset("one").shape() == [])
        #expect(try root.dataset("many").readStrings() == texts)
        #expect(try root.dataset("none").readStrings() == [])
    }

    @Test func keepsMoreStringsThanAreBelievedOfVariableLength() throws {
        let texts = (0..<1000).map { "class \($0) " + String(repeating: "ü", count: $0 % 7) } + ["", "x"]
        let root = try stored { try $0.create("names", texts) }
        #expect(try root.dataset("names").readStrings() == texts)
        #expect(try root.dataset("names").shape() == [1002])
    }

    static let attributes: [(String, HDF5AttributeValue)] = [
        ("text", .string("Größe")), ("empty", .string("")), ("texts", .strings(["a", "", "ü"])),
        ("integer", .integer(-7)), ("integers", .integers([1, .max])), ("double", .double(0.1)),
        ("doubles", .doubles([.infinity, -0.5])), ("no texts", .strings([])), ("no doubles", .doubles([])),
    ]

    @Test(arguments: attributes) func keepsAttribute(_ name: String, _ value: HDF5AttributeValue) throws {
        let root = try stored {
            try $0.attributes.write(name, .integer(12))
            try $0.attributes.write(name, value)
            try $0.create("data", [1.0], shape: [1]).attributes.write(name, value)
        }
        #expect(try root.attributes.read(name) == value)
        #expect(try root.dataset("data").attributes.read(name) == value)
        #expect(try root.attributes.names() == [name])
        #expect(try root.attributes.read("other") == nil)
    }

    @Test func keepsMoreAttributesThanFitAHeader() throws {
        let names = (0..<40).map { String(format: "attribute %02d", $0) }
        let root = try stored { root in
            for name in names.reversed() { try root.attributes.write(name, .string(name)) }
        }
        #expect(try root.attributes.names() == names)
        #expect(try root.attributes.read("attribute 31") == .string("attribute 31"))
    }

    @Test func compressesWithZstd() throws {
        let values = (0..<300_000).map { Float($0 % 1000) }
        let storage = HDF5Storage.compressed(shape: [3000, 100], elementByteCount: 4)
        let root = try stored { try $0.create("m", values, shape: [3000, 100], storage: storage) }
        let dataset = try root.dataset("m")
        #expect(try dataset.filters().map(\.identifier) == [2, 32015, 3])
        #expect(try dataset.filters()[1].parameters == [3])
        #expect(try dataset.chunk() == [1310, 100])
        #expect(dataset.storedByteCount() < 300_000 * 4 / 10)
        #expect(try dataset.read() == values)
        #expect(try dataset.read(rows: 1309..<1311) == Array(values[130_900..<131_100]))
    }

    @Test func storesWhatZstdCannotShrink() throws {
        var state: UInt32 = 1
        let noise = (0..<50_000).map { _ -> Int32 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int32(bitPattern: state ^ state >> 13)
        }
        let storage = HDF5Storage(chunk: [7_000], zstdLevel: 19)
        let root = try stored { try $0.create("noise", noise, shape: [50_000], storage: storage) }
        #expect(try root.dataset("noise").read() == noise)
        #expect(try root.dataset("noise").filters() == [HDF5Filter(identifier: 32015, parameters: [19])])
    }

    @Test func growsRowByRow() throws {
        let root = try stored {
            let storage = HDF5Storage.compressed(shape: [0, 3], elementByteCount: 8, isExtendable: true)
            let dataset = try $0.create("rows", .float64, shape: [0, 3], storage: storage)
            try dataset.extend(toRows: 1)
            try dataset.write([1.0, 2, 3], atRow: 0)
            try dataset.extend(toRows: 4)
            try dataset.write([7.0, 8, 9, 10, 11, 12], atRow: 2)
        }
        #expect(try root.dataset("rows").read() == [1.0, 2, 3, 0, 0, 0, 7, 8, 9, 10, 11, 12])
        #expect(try root.dataset("rows").read(rows: 1..<3) == [0.0, 0, 0, 7, 8, 9])
        #expect(throws: HDF5Error.self) { try root.dataset("rows").read(rows: 3..<5, as: Double.self) }
    }

    @Test func copiesBetweenFilesWithoutUnpacking() throws {
        let values = (0..<40_000).map { Float($0) }
        let first = try stored("first.h5") {
            let storage = HDF5Storage.compressed(shape: [400, 100], elementByteCount: 4)
            try $0.create("a/m", values, shape: [400, 100], storage: storage).attributes.write("n", .integer(400))
        }
        let second = try stored("second.h5") { try $0.copy("a/m", of: first, to: "x/y/m") }
        let dataset = try second.dataset("x/y/m")
        #expect(try dataset.read() == values)
        #expect(try dataset.attributes.read("n") == .integer(400))
        #expect(try dataset.storedByteCount() == first.dataset("a/m").storedByteCount())
    }

    @Test func equalContentsGiveEqualBytes() throws {
        func image() throws -> Data {
            let file = try HDF5File(buildingInMemory: "same")
            try file.root.create("g/h/data", [1.0, 2], shape: [2]).attributes.write("unit", .string("s"))
            try file.root.create("text", "hello")
            try file.root.create(
                "m", [Float](repeating: 3, count: 100), shape: [10, 10],
                storage: .compressed(shape: [10, 10], elementByteCount: 4))
            return try file.image()
        }
        let first = try image()
        // Times in a file have a resolution of a second.
        Thread.sleep(forTimeInterval: 1.1)
        #expect(try image() == first)
    }

    @Test func filesLiveAsLongAsWhatIsOpenInThem() throws {
        var dataset: HDF5Dataset?
        do {
            let root = try stored { try $0.create("a/b", [4.0], shape: [1]) }
            dataset = try root.group("a").dataset("b")
        }
        #expect(try dataset?.read() == [4.0])
    }

    @Test func servesManyThreads() async throws {
        let values = (0..<10_000).map { Double($0) }
        let storage = HDF5Storage.compressed(shape: [100, 100], elementByteCount: 8)
        let path = folder.file("file.h5")
        _ = try stored { try $0.create("m", values, shape: [100, 100], storage: storage) }
        let sums = try await withThrowingTaskGroup(of: Double.self) { group in
            for row in 0..<50 {
                group.addTask {
                    try HDF5File(reading: path).root.dataset("m").read(rows: row..<(row + 1), as: Double.self)
                        .reduce(0, +)
                }
            }
            return try await group.reduce(into: [Double]()) { $0.append($1) }
        }
        #expect(sums.reduce(0, +) == values.prefix(5000).reduce(0, +))
    }

    // MARK: Errors

    @Test func errorsNameOperationFileAndObject() throws {
        let root = try stored {
            try $0.create("a/numbers", [1.5], shape: [1])
            try $0.create("text", "x")
        }
        let path = folder.file("file.h5")
        func failure(_ body: () throws -> Void) -> HDF5Error? {
            do {
                try body()
                return nil
            } catch {
                return error as? HDF5Error
            }
        }
        let missing = try #require(failure { _ = try root.group("a").dataset("none") })
        #expect(missing.file == path && missing.object == "/a/none" && missing.operation == "open dataset")
        #expect(!missing.stack.isEmpty && missing.description.contains("doesn't exist"))
        #expect(
            failure { _ = try root.dataset("a/numbers").read(as: Int32.self) }?.message.contains("fractions") == true)
        #expect(failure { _ = try root.dataset("text").read(as: Double.self) }?.message.contains("strings") == true)
        #expect(failure { _ = try root.dataset("a/numbers").readStrings() }?.object == "/a/numbers")
        #expect(failure { _ = try HDF5File(reading: path + ".none") }?.message.contains("no such file") == true)
        let taken = try HDF5File(buildingInMemory: "taken")
        try taken.root.create("x", [1.0], shape: [1])
        #expect(failure { try taken.root.create("x", [1.0], shape: [1]) }?.object == "/x")
    }

    @Test func refusesDamagedFiles() throws {
        let values = (0..<40_000).map { Float($0) }
        _ = try stored {
            try $0.create(
                "m", values, shape: [400, 100], storage: .compressed(shape: [400, 100], elementByteCount: 4))
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("file.h5")))
        let path = folder.file("damaged.h5")
        for count in [0, 10, 500, whole.count / 2] {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            #expect { try HDF5File(reading: path) } throws: { "\($0)".contains("damaged") }
        }
        // A compressed chunk with a broken frame is reported by the filter, not returned as zeros.
        var broken = whole
        let magic = Data([0x28, 0xb5, 0x2f, 0xfd])
        let frame = try #require(broken.range(of: magic))
        broken.replaceSubrange(frame, with: Data(count: 4))
        try broken.write(to: URL(fileURLWithPath: path))
        #expect(throws: HDF5Error.self) { try HDF5File(reading: path).root.dataset("m").read(as: Float.self) }
    }
}
