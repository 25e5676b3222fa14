import Foundation
import Safetensors
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func readsTheGoldenFile() throws {
        let file = try Golden.safetensors("tiny.safetensors")
        let config = try #require(file.metadata["config"])
        let sizes = try JSONDecoder().decode([String: Int].self, from: Data(config.utf8))
        #expect(sizes["dim"] == 48)
        #expect(file.metadata["seed"] == "7")
        #expect(file.tensors.count == 256)
        let loss = try file.tensor("out.loss")
        #expect(loss.shape == [])
        let value = try #require(try loss.floats().first)
        #expect(value > 0.01 && value < 10)
        #expect(try file.tensor("context_indices").shape == [4, 21])
        let indices = try file.tensor("context_indices").int32s()
        #expect(indices.count == 84 && indices.allSatisfy { $0 >= 0 && $0 < 64 })
        #expect(try file.tensor("encoder.blocks.0.attn.qkv.weight").floats().count == 144 * 48)
    }

    @Test func writesWhatItReads() throws {
        let golden = try Golden.safetensors("tiny.safetensors")
        let path = folder.file("copy.safetensors")
        try golden.write(to: path)
        #expect(try SafetensorsFile(path: path) == golden)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["copy.safetensors"])
        // Every tensor is aligned and equal contents give equal bytes.
        let first = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(first[0] % 8 == 0)
        try SafetensorsFile(path: path).write(to: path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
    }

    @Test func keepsEveryTypeExactly() throws {
        var file = SafetensorsFile()
        file.metadata = ["note": "größer / \"quoted\"", "step": "12"]
        file.tensors = [
            "f32": SafetensorsTensor([1.5, -.infinity, .leastNonzeroMagnitude] as [Float], shape: [3]),
            "f64": SafetensorsTensor([0.1, -0.0, 1e300] as [Double], shape: [3, 1]),
            "i32": SafetensorsTensor([.min, 0, .max] as [Int32], shape: [1, 3]),
            "i64": SafetensorsTensor([.min, .max] as [Int64], shape: [2]),
            "u8": SafetensorsTensor([0, 127, 255] as [UInt8], shape: [3]),
            "scalar": SafetensorsTensor([2.5] as [Float], shape: []),
            "empty": SafetensorsTensor([] as [Float], shape: [0, 7]),
        ]
        let path = folder.file("types.safetensors")
        try file.write(to: path)
        let read = try SafetensorsFile(path: path)
        #expect(read == file)
        #expect(try read.tensor("f64").doubles() == [0.1, -0.0, 1e300])
        #expect(try read.tensor("i64").int64s() == [.min, .max])
        #expect(try read.tensor("u8").int32s() == [0, 127, 255])
        #expect(try read.tensor("empty").floats().isEmpty)
        #expect(throws: SafetensorsError.self) { try read.tensor("i64").int32s() }
        #expect(throws: SafetensorsError.self) { try read.tensor("i32").floats() }
        #expect { try read.tensor("f64").floats() } throws: { "\($0)".contains("\(path): tensor \"f64\"") }
        #expect { try read.tensor("f3") } throws: { "\($0)".contains("f3") }
    }

    @Test func readsHalfPrecisionTypes() throws {
        let halves: [UInt16] = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00]
        let half = SafetensorsTensor(dataType: .float16, shape: [5], bytes: halves.withUnsafeBytes { Data($0) })
        #expect(try half.floats() == [1, -2, 0x1p-24, 65504, .infinity])
        let brain = SafetensorsTensor(dataType: .bfloat16, shape: [1], bytes: Data([0x80, 0x3f]))
        #expect(try brain.doubles() == [1])
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// The header's JSON; its length is put before it.
        var header: String
        var byteCount: Int
        /// A part of the error's text.
        var complaint: String
    }

    static let damages = [
        Damage(testDescription: "no JSON", header: "{nonsense", byteCount: 0, complaint: "header"),
        Damage(testDescription: "not an object", header: "[1]", byteCount: 0, complaint: "JSON object"),
        Damage(
            testDescription: "unknown type", header: #"{"w":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}"#,
            byteCount: 4, complaint: #"tensor "w": unknown element type"#),
        Damage(
            testDescription: "shape and bytes differ",
            header: #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, byteCount: 8, complaint: "takes 12"),
        Damage(
            testDescription: "negative extent",
            header: #"{"w":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}"#, byteCount: 4,
            complaint: "impossible shape"),
        Damage(
            testDescription: "shape overflows",
            header: #"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, byteCount: 4,
            complaint: "impossible shape"),
        Damage(
            testDescription: "reversed offsets",
            header: #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#, byteCount: 8,
            complaint: "impossible data_offsets"),
        Damage(
            testDescription: "truncated data", header: #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            byteCount: 7, complaint: "truncated"),
        Damage(
            testDescription: "overlap",
            header: #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"#
                + #""data_offsets":[2,6]}}"#, byteCount: 6, complaint: "overlap"),
        Damage(
            testDescription: "hole",
            header: #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#, byteCount: 6,
            complaint: "belong to no tensor"),
        Damage(
            testDescription: "bytes at the end",
            header: #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, byteCount: 6,
            complaint: "at the end belong to no tensor"),
        Damage(
            testDescription: "missing key", header: #"{"a":{"dtype":"U8","shape":[4]}}"#, byteCount: 4,
            complaint: "data_offsets"),
        Damage(
            testDescription: "metadata is not strings", header: #"{"__metadata__":{"a":1}}"#, byteCount: 0,
            complaint: "__metadata__"),
    ]

    @Test(arguments: damages) func refuses(_ damage: Damage) throws {
        let length = withUnsafeBytes(of: UInt64(damage.header.utf8.count).littleEndian) { Data($0) }
        let data = length + Data(damage.header.utf8) + Data(count: damage.byteCount)
        #expect {
            try SafetensorsFile(data, file: "weights.safetensors")
        } throws: { error in
            let text = "\(error)"
            return error is SafetensorsError && text.contains("weights.safetensors") && text.contains(damage.complaint)
        }
    }

    @Test func refusesEveryTruncationOfAFile() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Golden.path("vicreg.safetensors")))
        for count in [0, 7, 8, 9, 500, 1031, 1032, 1036, whole.count / 2, whole.count - 1] {
            #expect(throws: SafetensorsError.self, "\(count) bytes") {
                try SafetensorsFile(whole.prefix(count), file: "x")
            }
        }
        var huge = whole
        huge[7] = 0x7f
        #expect(throws: SafetensorsError.self) { try SafetensorsFile(huge, file: "x") }
    }

    @Test func aFailedWriteLeavesTheOldFile() throws {
        let path = folder.file("full.safetensors")
        var file = SafetensorsFile()
        file.tensors["w"] = SafetensorsTensor([Float](repeating: 1, count: 10_000), shape: [100, 100])
        try file.write(to: path)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        file.tensors["w"] = SafetensorsTensor([Float](repeating: 2, count: 10_000), shape: [100, 100])
        #expect {
            try OwnFile.$device.withValue("/dev/full") { try file.write(to: path) }
        } throws: { error in
            (error as? FileWriteError)?.code == ENOSPC && "\(error)".contains(path) && "\(error)".contains("free some")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        #expect {
            try file.write(to: folder.file("missing/w.safetensors"))
        } throws: { "\($0)".contains("create the folder") }
    }
}
