import Declarations
import ExperimentSpec
import Foundation
import TestSupport
import Testing

@testable import Analysis

@Suite struct EmbeddingExportTests {
    /// Values that text formats like to spoil: tiny, negative, huge, one third, not a number.
    private static let set = EmbeddingSet(
        features: [0, -1.5, 1 / 3, 1e-30, 3e30, .nan, 16_777_215, -0.1], width: 2, labels: [0, 9, 3, 12],
        indices: [0, 7, 8, 499], labelNames: RunConfiguration().classNames, experiment: "demo",
        run: "ijepa-s0-1a2b3c4d",
        encoder: "target", step: 100)

    @Test func `CRC-32 agrees with the published check value`() {
        #expect(CyclicRedundancyCheck.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(CyclicRedundancyCheck.crc32([]) == 0)
    }

    @Test func `Names of classes stand where there are any, numbers elsewhere`() {
        #expect(Self.set.labelName(9) == "Ankle boot")
        #expect(Self.set.labelName(12) == "12")
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "idx")
        #expect(configuration.classNames == nil)
        configuration.set("data.dataset", to: "fashion_mnist_sample")
        #expect(configuration.classNames?.count == 10)
    }

    @Test func `The header of an npy file ends at a multiple of 64`() {
        for shape in [[6], [2, 3], [6, 1, 1]] {
            let data = NumPyFile.bytes(of: [Float](repeating: 1, count: 6), shape: shape)
            #expect((data.count - 24) % 64 == 0)
            #expect(data[data.count - 25] == UInt8(ascii: "\n"))
        }
    }

    @Test func `An archive beyond the limit is refused and leaves nothing behind`() throws {
        try inTemporaryFolder { folder in
            let path = "\(folder)/large.npz"
            do {
                var archive = try StoredZip(path: path, limit: 1000)
                try archive.append("small.npy", Data(count: 500))
                #expect(throws: AnalysisError.self) { try archive.append("large.npy", Data(count: 500)) }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left.isEmpty)
        }
    }

    /// The same with files, one of which has a name that text formats like to spoil.
    private static let named = EmbeddingSet(
        features: set.features, width: 2, labels: set.labels, indices: set.indices, labelNames: nil, experiment: "demo",
        run: "x", encoder: "target", step: 1, names: ["cat/a.jpg", "dog/b, \"c\".png", "ü.webp", "e\tf\n.jpg"])

    @Test func `Texts name the file of each image, and only where there are files`() throws {
        try inTemporaryFolder { folder in
            _ = try EmbeddingFormat.csv.write(Self.named, to: "\(folder)/a.csv", replacing: false)
            let text = try String(contentsOfFile: "\(folder)/a.csv", encoding: .utf8)
            #expect(text.hasPrefix("index,label,label_name,file,f0,f1\n0,0,0,cat/a.jpg,0.0,-1.5\n"), "\(text)")
            #expect(text.contains("7,9,9,\"dog/b, \"\"c\"\".png\","))
            _ = try EmbeddingFormat.tsv.write(Self.named, to: "\(folder)/p", replacing: false)
            let metadata = try String(contentsOfFile: "\(folder)/p/metadata.tsv", encoding: .utf8)
            #expect(metadata.hasPrefix("label_name\tlabel\tindex\tfile\n0\t0\t0\tcat/a.jpg\n"), "\(metadata)")
            #expect(metadata.hasSuffix("\te f .jpg\n"))
            _ = try EmbeddingFormat.csv.write(Self.set, to: "\(folder)/b.csv", replacing: false)
            let plain = try String(contentsOfFile: "\(folder)/b.csv", encoding: .utf8)
            #expect(plain.hasPrefix("index,label,label_name,f0,f1\n"))
        }
    }

    @Test func `NumPy and HDF5 files name the file of each image`() throws {
        try inTemporaryFolder { folder in
            let files = try EmbeddingFormat.npy.write(Self.named, to: "\(folder)/n", replacing: false)
            #expect(files.count == 4 && files.last?.hasSuffix("/files.npy") == true)
            #expect(try EmbeddingFormat.npy.write(Self.set, to: "\(folder)/m", replacing: false).count == 3)
            let bytes = [UInt8](NumPyFile.bytes(of: ["é", "abc"]))
            #expect(
                String(decoding: bytes[10..<128], as: UTF8.self).contains(
                    "'<U3', 'fortran_order': False, 'shape': (2,)"))
            #expect(
                Array(bytes[128...]) == [0xE9] + Array(repeating: 0, count: 11) + [
                    97, 0, 0, 0, 98, 0, 0, 0, 99, 0, 0, 0,
                ])
            for format in [EmbeddingFormat.hdf5, .npz, .parquet, .safetensors] {
                let path = "\(folder)/\(format.defaultName(of: Self.named))"
                _ = try format.write(Self.named, to: path, replacing: false)
                #expect(FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test(arguments: EmbeddingFormat.allCases)
    func `An existing output stays unless told otherwise`(format: EmbeddingFormat) throws {
        try inTemporaryFolder { folder in
            let path = "\(folder)/made/\(format.defaultName(of: Self.set))"
            let files = try format.write(Self.set, to: path, replacing: false)
            let missing = files.filter { !FileManager.default.fileExists(atPath: $0) }
            #expect(missing.isEmpty)
            #expect {
                _ = try format.write(Self.set, to: path, replacing: false)
            } throws: {
                ($0 as? AnalysisError)?.code == .outputExists
            }
            let replaced = try format.write(Self.set, to: path, replacing: true)
            #expect(replaced == files)
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/made")
            #expect(left.count == 1, "\(left)")
        }
    }

    /// Every format is read by the Python that Debian's packages belong to.
    @Test func `Python reads the same values from every format`() throws {
        try inTemporaryFolder { folder in
            for format in EmbeddingFormat.allCases {
                _ = try format.write(Self.set, to: "\(folder)/embeddings.\(format.rawValue)", replacing: false)
            }
            let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Python/test_export.py")
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [script.path, folder]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(text)")
            // A script that checks nothing would end well too.
            #expect(text.contains("formats read: npz npy hdf5 csv tsv safetensors"))
        }
    }
}

/// Calls `body` with the path of a new folder, and removes the folder afterwards.
func inTemporaryFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "analysis-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
}
