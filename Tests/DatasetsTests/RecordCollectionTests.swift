import Datasets
import Declarations
import Foundation
import TensorCore
import TestSupport
import Testing

/// Values of an image as evaluations see it, at its own size.
private func view(_ dataset: ImageDataset, _ image: Int, size: Int) throws -> [Float] {
    let output = HostBuffer<Float>(count: dataset.channels * size * size)
    try dataset.renderViews([image], size: size, into: output)
    return (0..<output.count).map { output[$0] }
}

@Suite("Data sets of records")
struct RecordCollectionTests {
    private func write(_ files: [String: [UInt8]], below place: String = "") throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        if !place.isEmpty {
            try FileManager.default.createDirectory(
                atPath: folder.path(place), withIntermediateDirectories: true)
        }
        for (name, bytes) in files { try folder.write(bytes, place.isEmpty ? name : "\(place)/\(name)") }
        return folder
    }

    private func cifar(_ folder: TemporaryFolder) -> CIFAR10 {
        CIFAR10(settings(of: CIFAR10.self, folder: folder.url.path))
    }

    @Test("CIFAR-10 is the same from both versions: images, classes, normalisation, fingerprints")
    func cifar10() throws {
        let binary = try write(SmallCIFAR.binary(images: 7))
        let pickled = try write(SmallCIFAR.pickled(images: 7), below: "cifar-10-batches-py")
        let (one, other) = (try cifar(binary).open(), try cifar(pickled).open())
        #expect(try one.fingerprints == other.fingerprints && one.probe == nil)
        #expect(one.train.normalization == other.train.normalization)
        #expect(one.test.normalization == one.train.normalization)
        for splits in [one, other] {
            #expect(splits.train.count == 35 && splits.test.count == 7)
            let labels: [Int32] = (0..<35).map { (place: Int) -> Int32 in Int32((place % 7 + place / 7) % 10) }
            #expect(splits.train.labels == labels)
            #expect(splits.test.classNames == SmallCIFAR.names && splits.test.classCount == 10)
        }
        let normalization = one.train.normalization
        for image in [0, 6, 7, 34] {
            let seen = try view(one.train, image, size: 32)
            #expect(try view(other.train, image, size: 32) == seen)
            for place in [0, 33, 1024, 3071] {
                let channel = place / 1024
                let value =
                    (Double(SmallCIFAR.pixel(image, place)) / 255 - normalization.mean[channel])
                    / normalization.standardDeviation[channel]
                #expect(abs(Double(seen[place]) - value) <= 1e-4)
            }
        }
        let pixels = (0..<35).flatMap(SmallCIFAR.pixels)
        let memory = ImageDataset(
            name: "memory", channels: 3, height: 32, width: 32, classCount: 10, pixels: pixels,
            labels: one.train.labels)
        #expect(memory.fingerprint == one.train.fingerprint && memory.normalization == normalization)
    }

    @Test("The binary version is read where both are there; what is missing is named before anything is read")
    func files() throws {
        let folder = try write(SmallCIFAR.pickled(images: 2))
        for (name, bytes) in SmallCIFAR.binary(images: 3) { try folder.write(bytes, name) }
        #expect(try cifar(folder).trainingImageCount() == 15)
        #expect(cifar(folder).requiredPaths.contains { $0.path.hasSuffix("/data_batch_5.bin") })
        #expect(cifar(folder).requiredPaths.allSatisfy { FileManager.default.fileExists(atPath: $0.path) })
        try FileManager.default.removeItem(atPath: folder.path("data_batch_4.bin"))
        let missing = cifar(folder).requiredPaths.filter { !FileManager.default.fileExists(atPath: $0.path) }
        #expect(missing.map(\.path) == [folder.path("data_batch_4.bin")])
        #expect(throws: DatasetError.self) { try cifar(folder).open() }
        let empty = try TemporaryFolder()
        #expect(cifar(empty).requiredPaths.count == 7)
    }

    @Test("A file that is cut off after it was opened is named by what reads it")
    func cutOff() throws {
        let folder = try write(SmallCIFAR.binary(images: 4))
        let train = try cifar(folder).open().train
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path("data_batch_2.bin")))
        try handle.truncate(atOffset: 4000)
        try handle.close()
        // An image before the end is no longer that of the fingerprint either.
        let changed = try #require(throws: DatasetError.self) { try view(train, 4, size: 32) }
        #expect(changed.problem.contains("has been changed since it was opened"), "\(changed)")
        let error = try #require(throws: DatasetError.self) { try view(train, 5, size: 32) }
        #expect(error.place.hasSuffix("data_batch_2.bin") && error.problem.contains("ends at byte"))
    }

    @Test("CIFAR-100 has a hundred classes or twenty")
    func cifar100() throws {
        let folder = try write(SmallCIFAR100.binary(images: 5), below: "cifar-100-binary")
        let settings = settings(of: CIFAR100.self, folder: folder.url.path)
        let splits = try CIFAR100(settings).open()
        #expect(splits.test.labels == [99, 98, 97, 96, 95] && splits.test.classNames?[99] == "fine 99")
        let coarseSplits = try CIFAR100(settings.with("classes", "coarse")).open()
        #expect(coarseSplits.test.labels == [0, 1, 2, 3, 4] && coarseSplits.test.classCount == 20)
        #expect(coarseSplits.train.fingerprint != splits.train.fingerprint)
        let known = try #require(CIFAR100(settings).classNames)
        #expect(known.count == 100 && known == known.sorted() && Set(known).count == 100)
        #expect(CIFAR100(settings.with("classes", "coarse")).classNames?.count == 20)
    }

    private func stl(_ unlabeled: Bool = true) throws -> TemporaryFolder {
        try write(SmallSTL.files(unlabeled: unlabeled), below: "stl10_binary")
    }

    @Test("STL-10 trains on images without labels and probes labelled ones", arguments: ["unlabeled", "train", "both"])
    func stl10(part: String) throws {
        let folder = try stl()
        let collection = STL10(settings(of: STL10.self, folder: folder.url.path).with("train_on", part))
        let splits = try collection.open()
        try splits.checkLabels(place: "set")
        #expect(splits.train.count == ["unlabeled": 4, "train": 3, "both": 7][part])
        #expect(try collection.trainingImageCount() == splits.train.count)
        #expect((splits.train.labels == nil) == (part != "train") && (splits.probe == nil) == (part == "train"))
        let probed = splits.probe ?? splits.train
        #expect(probed.labels == [0, 9, 2] && probed.normalization == splits.train.normalization)
        #expect(splits.test.labels == [4, 5])
        // Columns become rows.
        let normalization = probed.normalization
        let seen = try view(probed, 1, size: 96)
        for (plane, row, column) in [(0, 0, 5), (1, 95, 2), (2, 40, 95)] {
            let place = plane * 9216 + column * 96 + row
            let pixel = Double(SmallSTL.pixel(1, place))
            let value = (pixel / 255 - normalization.mean[plane]) / normalization.standardDeviation[plane]
            #expect(abs(Double(seen[plane * 9216 + row * 96 + column]) - value) <= 1e-4)
        }
        #expect(collection.knownSizes?.probe == (part == "train" ? nil : 5_000))
    }

    @Test("STL-10 without its unlabelled images says so, and how to do without")
    func unlabeledMissing() throws {
        let folder = try stl(false)
        let settings = settings(of: STL10.self, folder: folder.url.path)
        let error = try #require(throws: DatasetError.self) { try STL10(settings).open() }
        #expect(error.place.hasSuffix("unlabeled_X.bin") && error.remedy.contains("data.train_on: train"))
        #expect(STL10(settings).requiredPaths.contains { $0.path.hasSuffix("stl10_binary/unlabeled_X.bin") })
        #expect(try STL10(settings.with("train_on", "train")).open().train.count == 3)
    }
}
