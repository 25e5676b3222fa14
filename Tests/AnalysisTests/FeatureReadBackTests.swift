import FeatureFiles
import Foundation
import TensorCore
import Testing

@testable import Analysis

/// `diagnose` reads what `export` writes, and says of other Parquet files what is not read.
@Suite struct FeatureReadBackTests {
    private static let set: EmbeddingSet = {
        var stream = RandomStream(seed: 4, purpose: .tests)
        var features = (0..<60).map { _ in Float(stream.normal()) }
        (features[7], features[8], features[30]) = (1e-30, -3e30, 1 / 3)
        return EmbeddingSet(
            features: features, width: 3, labels: (0..<20).map { Int32($0 % 12) }, indices: (0..<20).map { $0 * 3 },
            labelNames: ["with, comma", "with \"quotes\""], experiment: "demo", run: "a-s0-1a2b3c4d", encoder: "target",
            step: 9)
    }()

    @Test("every format comes back with every bit", arguments: EmbeddingFormat.allCases)
    func formats(format: EmbeddingFormat) throws {
        try inTemporaryFolder { folder in
            let files = try format.write(
                Self.set, to: "\(folder)/\(format.defaultName(of: Self.set))", replacing: false)
            let array = try FeatureFile(path: files[0]).array(nil)
            #expect(array.shape == [20, 3])
            #expect(array.values.map(\.bitPattern) == Self.set.features.map(\.bitPattern))
        }
    }

    @Test("a NaN in a table comes back as a NaN")
    func notANumber() throws {
        try inTemporaryFolder { folder in
            let values: [Float] = [1, .nan, -.infinity, 4]
            let set = EmbeddingSet(
                features: values, width: 2, labels: [0, 1], indices: [0, 1], labelNames: nil, experiment: "", run: "",
                encoder: "", step: 0)
            for format in [EmbeddingFormat.csv, .parquet] {
                let path = "\(folder)/\(format.rawValue).\(format.rawValue)"
                _ = try format.write(set, to: path, replacing: false)
                let read = try FeatureFile(path: path).array(nil).values
                #expect(read[0] == 1 && read[1].isNaN && read[2] == -.infinity && read[3] == 4)
            }
        }
    }

    @Test("row groups and columns of both precisions are put together")
    func groups() throws {
        try inTemporaryFolder { folder in
            let rows = ParquetFile.rowsOfGroup + 3
            let path = "\(folder)/groups.parquet"
            try ParquetFile.write(
                [
                    ("f1", .doubles((0..<rows).map { Double($0) / 4 })), ("name", .texts((0..<rows).map { "\($0)" })),
                    ("f0", .floats((0..<rows).map { Float($0) })),
                ], to: path)
            let array = try FeatureFile(path: path).array(nil)
            #expect(array.shape == [rows, 2])
            let expected = (0..<rows).flatMap { row -> [Float] in [Float(row), Float(row) / 4] }
            #expect(array.values == expected)
        }
    }

    @Test("what another writer's file has and is not read is named")
    func unsupported() throws {
        for (file, word) in [
            (HandmadeParquet(codec: 1), "column \"f0\" is compressed with SNAPPY"),
            (HandmadeParquet(codec: 6), "compressed with ZSTD"),
            (HandmadeParquet(repetition: 1), "column \"f0\" is optional or repeated"),
            (HandmadeParquet(encoding: 8), "encoded as RLE_DICTIONARY"),
            (HandmadeParquet(page: 3), "a page of the kind DATA_PAGE_V2"),
            (HandmadeParquet(type: 6), "column \"f0\" is BYTE_ARRAY"),
            (HandmadeParquet(children: 2), "nested columns (f0)"),
        ] {
            let problem = try file.problem()
            let error = try #require(problem)
            #expect(error.message.contains("cannot be read here: ") && error.message.contains(word), "\(error)")
            #expect(error.remedy.contains("numpy.save"))
        }
        #expect(try HandmadeParquet().problem() == nil)
        #expect(try HandmadeParquet(rows: 1 << 40).problem()?.message.contains("damaged") == true)
        #expect(try HandmadeParquet(name: "x").problem() == nil)
    }

    @Test("a series is no matrix of features")
    func series() throws {
        try inTemporaryFolder { folder in
            let path = "\(folder)/steps.parquet"
            try ParquetFile.write([("run", .texts(["a"])), ("loss", .doubles([1]))], to: path)
            #expect {
                _ = try FeatureFile(path: path).array(nil)
            } throws: {
                "\($0)".contains("column \"run\" is BYTE_ARRAY")
            }
        }
    }

    @Test("a damaged file is an error or other numbers, never a crash", arguments: ["parquet", "csv"])
    func damaged(ending: String) throws {
        try inTemporaryFolder { folder in
            let path = "\(folder)/features.\(ending)"
            let format = try #require(EmbeddingFormat(rawValue: ending))
            _ = try format.write(Self.set, to: path, replacing: false)
            let whole = try Data(contentsOf: URL(filePath: path))
            var refused = 0
            func read(_ data: Data) throws {
                try data.write(to: URL(filePath: path))
                do {
                    let array = try FeatureFile(path: path).array(nil)
                    #expect(array.values.count == array.shape.reduce(1, *))
                } catch is FeatureFileError {
                    refused += 1
                }
            }
            for length in stride(from: 0, to: whole.count, by: 7) { try read(whole.prefix(length)) }
            for place in whole.indices.reversed().prefix(700) {
                var data = whole
                data[place] ^= 1 << UInt8(place % 8)
                try read(data)
                data[place] = 0xFF
                try read(data)
            }
            #expect(refused > 100)
        }
    }
}

/// A file of one column of four floats, as another writer might make it.
private struct HandmadeParquet {
    var name = "f0"
    var type = 4
    var repetition = 0
    var children = 0
    var codec = 0
    var encoding = 0
    var page = 0
    var rows = 4

    /// Why it is not read; none where it is.
    func problem() throws -> FeatureFileError? {
        var found: FeatureFileError?
        try inTemporaryFolder { folder in
            let path = "\(folder)/other.parquet"
            try Data(bytes).write(to: URL(filePath: path))
            do {
                let array = try FeatureFile(path: path).array(nil)
                #expect(array.values == [1, 2, 3, 4])
            } catch let error as FeatureFileError {
                found = error
            }
        }
        return found
    }

    private var bytes: [UInt8] {
        var head = ThriftCompact()
        head.int32(1, page)
        head.int32(2, 16)
        head.int32(3, 16)
        head.structure(5) {
            $0.int32(1, 4)
            $0.int32(2, encoding)
            $0.int32(3, 3)
            $0.int32(4, 3)
        }
        head.end()
        let values: [Float] = [1, 2, 3, 4]
        let content =
            head.bytes + values.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 0xFF) } }
        var footer = ThriftCompact()
        footer.int32(1, 2)
        footer.structures(2, [0, 1]) { element, index in
            if index == 0 {
                element.text(4, "schema")
                element.int32(5, 1)
            } else {
                element.int32(1, type)
                element.int32(3, repetition)
                element.text(4, name)
                if children > 0 { element.int32(5, children) }
            }
        }
        footer.int64(3, rows)
        footer.structures(4, [0]) { group, _ in
            group.structures(1, [0]) { chunk, _ in
                chunk.int64(2, 4)
                chunk.structure(3) {
                    $0.int32(1, type)
                    $0.int32s(2, [encoding])
                    $0.texts(3, [name])
                    $0.int32(4, codec)
                    $0.int64(5, rows)
                    $0.int64(6, content.count)
                    $0.int64(7, content.count)
                    $0.int64(9, 4)
                }
            }
            group.int64(2, content.count)
            group.int64(3, rows)
        }
        footer.text(6, "another writer")
        footer.end()
        let length = (0..<4).map { UInt8(footer.bytes.count >> (8 * $0) & 0xFF) }
        return Array("PAR1".utf8) + content + footer.bytes + length + Array("PAR1".utf8)
    }
}
