import Datasets
import Declarations
import Foundation
import Glibc
import Testing

private let debianFolder = "/usr/share/datasets/fashion-mnist"

@Suite("Data sets")
struct ImageDatasetTests {
    @Test("The committed sample has 2,000 and 500 images, every class equally often, and one normalisation")
    func sample() throws {
        let splits = try loadSample()
        #expect(splits.train.count == 2000 && splits.test.count == 500)
        for (dataset, each) in [(splits.train, 200), (splits.test, 50)] {
            #expect(dataset.channels == 1 && dataset.height == 28 && dataset.width == 28 && dataset.classCount == 10)
            for label in 0..<10 as Range<Int32> { #expect(dataset.labels?.count { $0 == label } == each) }
        }
        #expect(splits.test.normalization == splits.train.normalization)
        // The whole data set has 0.2860 and 0.3530.
        #expect(abs(splits.train.normalization.mean[0] - 0.286) < 0.01)
        #expect(abs(splits.train.normalization.standardDeviation[0] - 0.353) < 0.01)
    }

    @Test("The number of training images is read from the file's head alone, packed or plain")
    func trainingImageCount() throws {
        #expect(
            try FashionMNISTSample(settings(of: FashionMNISTSample.self, folder: sampleFolder.path))
                .trainingImageCount() == 2000)
        let folder = try TemporaryFolder()
        let files = DatasetFiles(name: "made", folder: folder.url.path, trainImages: "a")
        #expect(throws: DatasetError.self) { try files.trainingImageCount() }
        try folder.write(idx([70_000, 3, 3], []), "a")
        #expect(try files.trainingImageCount() == 70_000)
    }

    @Test(
        "The sample's images are those of the package",
        .enabled(if: FileManager.default.fileExists(atPath: debianFolder), "dataset-fashion-mnist is not installed"))
    func sampleOfWhole() throws {
        let whole = try FashionMNIST(Settings(FashionMNIST.keys)).open()
        #expect(whole.train.count == 60_000 && whole.test.count == 10_000)
        #expect(abs(whole.train.normalization.mean[0] - 0.2860) < 5e-5)
        #expect(abs(whole.train.normalization.standardDeviation[0] - 0.3530) < 5e-5)
        let sample = try loadSample()
        func images(_ dataset: ImageDataset) -> [[UInt8]] {
            let (pixels, labels) = (dataset.pixels, dataset.labels ?? [])
            return (0..<dataset.count).map { Array(pixels[$0 * 784..<($0 + 1) * 784]) + [UInt8(labels[$0])] }
        }
        #expect(Set(images(sample.test)).isSubset(of: images(whole.test)))
    }

    @Test("A subset is seeded, keeps order, labels and the whole's normalisation")
    func subset() throws {
        let whole = makeDataset(count: 60)
        let subset = try whole.subset(count: 20, seed: 4)
        let same = try whole.subset(count: 20, seed: 4)
        let other = try whole.subset(count: 20, seed: 5)
        #expect(subset.fingerprint == same.fingerprint && subset.fingerprint != other.fingerprint)
        #expect(subset.count == 20 && subset.normalization == whole.normalization)
        let size = 12 * 10
        var next = 0
        for index in 0..<subset.count {
            let pixels = subset.pixels[index * size..<(index + 1) * size]
            let found = (next..<whole.count).first { whole.pixels[$0 * size..<($0 + 1) * size].elementsEqual(pixels) }
            let place = try #require(found, "image \(index) is not in the rest of the whole")
            #expect(try #require(whole.labels)[place] == #require(subset.labels)[index])
            next = place + 1
        }
        #expect(try whole.subset(count: 60, seed: 1).fingerprint == whole.fingerprint)
        for count in [0, -1, 61] { #expect(throws: DatasetError.self) { try whole.subset(count: count, seed: 1) } }
    }

    @Test("The fingerprint changes with any pixel, label or extent")
    func fingerprint() throws {
        let dataset = makeDataset(count: 3, height: 3, width: 3)
        func print(_ pixels: [UInt8], _ labels: [Int32], height: Int = 3, width: Int = 3) -> String {
            ImageDataset(
                name: "made", channels: 1, height: height, width: width, classCount: 3, pixels: pixels, labels: labels
            ).fingerprint
        }
        let labels = try #require(dataset.labels)
        #expect(print(dataset.pixels, labels) == dataset.fingerprint && dataset.fingerprint.count == 16)
        var seen: Set<String> = [dataset.fingerprint]
        for index in dataset.pixels.indices {
            var pixels = dataset.pixels
            pixels[index] ^= 128
            #expect(seen.insert(print(pixels, labels)).inserted, "pixel \(index)")
        }
        #expect(seen.insert(print(dataset.pixels, [0, 1, 1])).inserted)
        #expect(seen.insert(print(dataset.pixels, labels, height: 1, width: 9)).inserted)
    }

    @Test("Training and test images of different sizes, or test labels unknown in training, are refused")
    func mismatch() throws {
        let folder = try TemporaryFolder()
        var files = DatasetFiles(
            name: "made", folder: folder.url.path, trainImages: "a", trainLabels: "b", testImages: "c", testLabels: "d")
        try folder.write(idx([2, 1, 2], [1, 2, 3, 4]), "a")
        try folder.write(idx([2], [0, 1]), "b")
        try folder.write(idx([1, 2, 2], [1, 2, 3, 4]), "c")
        try folder.write(idx([1], [1]), "d")
        var error = try #require(throws: DatasetError.self) { try files.load() }
        #expect(error.place == folder.path("c") && error.problem.contains("2×2×1, training images 1×2×1"), "\(error)")
        try folder.write(idx([1], [2]), "d")
        error = try #require(throws: DatasetError.self) { try files.load() }
        #expect(error.place == folder.path("d") && error.problem.contains("outside 0…1"), "\(error)")
        // A file name may be an absolute path.
        try folder.write(idx([2], [1, 0]), "d")
        files.testImages = try folder.write(idx([2, 1, 2], [1, 2, 3, 4]), "e")
        #expect(try files.load().test.count == 2)
    }

    @Test("A test split of one image, and a pipe in place of a file, are refused")
    func unusable() throws {
        let folder = try TemporaryFolder()
        var files = DatasetFiles(
            name: "made", folder: folder.url.path, trainImages: "a", trainLabels: "b", testImages: "c", testLabels: "d")
        try folder.write(idx([2, 1, 2], [1, 2, 3, 4]), "a")
        try folder.write(idx([2], [0, 1]), "b")
        try folder.write(idx([1, 1, 2], [1, 2]), "c")
        try folder.write(idx([1], [1]), "d")
        var error = try #require(throws: DatasetError.self) { try files.load() }
        #expect(error.place == folder.path("c") && error.problem.contains("a single image"), "\(error)")
        files.trainLabels = folder.path("pipe")
        #expect(mkfifo(files.trainLabels, 0o600) == 0)
        error = try #require(throws: DatasetError.self) { try files.load() }
        #expect(error.place == files.trainLabels && error.problem.contains("a pipe"), "\(error)")
    }
}
