import Foundation
import TestSupport
import Testing

@testable import Datasets

extension RecordSplit {
    fileprivate func pixels(_ index: Int) throws -> [UInt8] {
        var pixels: [UInt8] = []
        try read(index, into: &pixels)
        return pixels
    }
}

/// Byte `k` of image `i` as the tests make it.
private func pixel(_ i: Int, _ k: Int) -> UInt8 { UInt8((7 * i + k + k / 256) % 251) }

private func image(_ i: Int, size: Int = 3072) -> [UInt8] { (0..<size).map { pixel(i, $0) } }

private func batch(labels: [Int], first: Int, keys: [String] = ["labels"]) -> [UInt8] {
    PythonPickle.batch(labels: labels, pixels: labels.indices.flatMap { image(first + $0) }, keys: keys)
}

@Suite("CIFAR and STL-10")
struct RecordFileTests {
    private let names = (0..<10).map { "class \($0)" }

    private func writeBinary(_ folder: TemporaryFolder) throws {
        try folder.write(Array((names.joined(separator: "\n") + "\n\n").utf8), "batches.meta.txt")
        for number in 0..<6 {
            let records = (0..<700).flatMap { [UInt8(($0 + number) % 10)] + image(700 * number + $0) }
            try folder.write(records, number == 5 ? "test_batch.bin" : "data_batch_\(number + 1).bin")
        }
    }

    private func writePickles(_ folder: TemporaryFolder) throws {
        try folder.write(PythonPickle.names(["label_names": names]), "batches.meta")
        for number in 0..<6 {
            let labels = (0..<700).map { ($0 + number) % 10 }
            try folder.write(
                batch(labels: labels, first: 700 * number), number == 5 ? "test_batch" : "data_batch_\(number + 1)")
        }
    }

    @Test("CIFAR-10's binary files and pickles give the same images, labels and names")
    func cifar10() throws {
        let (one, other) = (try TemporaryFolder(), try TemporaryFolder())
        try writeBinary(one)
        try writePickles(other)
        let binary = try CIFARFolder(.ten, folder: one.url.path)
        let pickled = try CIFARFolder(.ten, folder: other.url.path)
        #expect(binary.form == .binary && pickled.form == .pickled)
        for dataset in [binary, pickled] {
            #expect(dataset.classNames == names && dataset.coarseClassNames.isEmpty)
            #expect(dataset.train.count == 3500 && dataset.test.count == 700)
            #expect(dataset.train.labels == (0..<5).flatMap { batch in (0..<700).map { UInt8(($0 + batch) % 10) } })
            for index in [0, 1, 699, 700, 3499] { #expect(try dataset.train.pixels(index) == image(index)) }
            #expect(try dataset.test.pixels(699) == image(4199))
            #expect(throws: DatasetError.self) { try dataset.train.pixels(3500) }
            #expect(throws: DatasetError.self) { try dataset.train.pixels(-1) }
        }
    }

    @Test("CIFAR-100 has fine and coarse labels in both forms")
    func cifar100() throws {
        let fine = (0..<100).map { "fine \($0)" }
        let coarse = (0..<20).map { "coarse \($0)" }
        let folder = try TemporaryFolder()
        try folder.write(Array(fine.joined(separator: "\n").utf8), "fine_label_names.txt")
        try folder.write(Array(coarse.joined(separator: "\r\n").utf8), "coarse_label_names.txt")
        try folder.write((0..<500).flatMap { [UInt8($0 % 20), UInt8($0 % 100)] + image($0) }, "train.bin")
        try folder.write((0..<3).flatMap { [UInt8($0), UInt8(99 - $0)] + image($0) }, "test.bin")
        let binary = try CIFARFolder(.hundred, folder: folder.url.path)
        #expect(binary.train.labels == (0..<500).map { UInt8($0 % 100) })
        #expect(binary.train.coarseLabels == (0..<500).map { UInt8($0 % 20) })
        #expect(binary.test.labels == [99, 98, 97] && binary.test.coarseLabels == [0, 1, 2])
        #expect(try binary.train.pixels(499) == image(499))
        #expect(binary.classNames == fine && binary.coarseClassNames == coarse)

        let other = try TemporaryFolder()
        try other.write(PythonPickle.names(["fine_label_names": fine, "coarse_label_names": coarse]), "meta")
        for name in ["train", "test"] {
            try other.write(batch(labels: [4, 5], first: 0, keys: ["fine_labels", "coarse_labels"]), name)
        }
        let pickled = try CIFARFolder(.hundred, folder: other.url.path)
        #expect(pickled.classNames == fine && pickled.coarseClassNames == coarse)
        #expect(pickled.train.labels == [4, 5] && pickled.test.coarseLabels == [4, 5])
        #expect(try pickled.test.pixels(1) == image(1))
    }

    @Test("Damaged CIFAR files are named with what is wrong")
    func damaged() throws {
        let folder = try TemporaryFolder()
        func refusal() throws -> String {
            try #require(throws: DatasetError.self) { try CIFARFolder(.ten, folder: folder.url.path) }.description
        }
        #expect(try refusal().contains("holds no CIFAR-10"))
        try writeBinary(folder)
        try folder.write([10] + image(0), "data_batch_3.bin")
        #expect(try refusal().contains("data_batch_3.bin: label 10 of record 0 is outside 0…9"))
        try folder.write([1] + image(0) + [2], "data_batch_3.bin")
        #expect(try refusal().contains("no whole number of records"))
        try FileManager.default.removeItem(atPath: folder.path("data_batch_3.bin"))
        #expect(try refusal().contains("data_batch_3.bin: cannot be opened"))

        let other = try TemporaryFolder()
        try writePickles(other)
        func pickleRefusal() throws -> String {
            try #require(throws: DatasetError.self) { try CIFARFolder(.ten, folder: other.url.path) }.description
        }
        try other.write(batch(labels: [11], first: 0), "data_batch_2")
        #expect(try pickleRefusal().contains("data_batch_2: label 11 of image 0"))
        try other.write(Array("cos\nsystem\n(S'true'\ntR.".utf8), "data_batch_2")
        #expect(try pickleRefusal().contains("os.system"))
        try other.write([0x80, 2, 0x4E, 0x2E], "data_batch_2")
        #expect(try pickleRefusal().contains("holds None instead of a dictionary"))
    }

    @Test("A file that is cut off while it is read gives an error")
    func cutOff() throws {
        let folder = try TemporaryFolder()
        try writeBinary(folder)
        let dataset = try CIFARFolder(.ten, folder: folder.url.path)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path("data_batch_1.bin")))
        try handle.truncate(atOffset: 5000)
        try handle.close()
        let changed = try #require(throws: DatasetError.self) { try dataset.train.pixels(0) }
        #expect(changed.problem.contains("has been changed since it was opened"), "\(changed)")
        let error = try #require(throws: DatasetError.self) { try dataset.train.pixels(100) }
        #expect(error.description.contains("data_batch_1.bin: ends at byte"))
    }

    @Test("STL-10's labels begin at 0")
    func stl10() throws {
        let folder = try TemporaryFolder()
        let size = STL10Folder.imageSize
        try folder.write(image(0, size: size) + image(1, size: size), "train_X.bin")
        try folder.write([1, 10], "train_y.bin")
        try folder.write(image(2, size: size), "test_X.bin")
        try folder.write([5], "test_y.bin")
        try folder.write(Array(names.joined(separator: "\n").utf8), "class_names.txt")
        let small = try STL10Folder(folder: folder.url.path)
        #expect(small.unlabeled == nil && small.train.labels == [0, 9])
        try folder.write(image(3, size: size), "unlabeled_X.bin")
        let dataset = try STL10Folder(folder: folder.url.path)
        #expect(dataset.unlabeled?.labels == nil && dataset.unlabeled?.count == 1)
        try folder.write([0, 1], "train_y.bin")
        let error = try #require(throws: DatasetError.self) { try STL10Folder(folder: folder.url.path) }
        #expect(error.description.contains("label 0 of image 0 is outside 1…10"))
        try folder.write([1], "train_y.bin")
        let short = try #require(throws: DatasetError.self) { try STL10Folder(folder: folder.url.path) }
        #expect(short.description.contains("has 1 labels"))
    }
}
