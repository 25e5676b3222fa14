import Datasets
import Declarations
import Foundation
import Testing

@Suite("IDX files")
struct IDXTests {
    private func load(_ folder: TemporaryFolder, images: [UInt8], labels: [UInt8], classCount: Int? = nil) throws
        -> ImageDataset
    {
        try ImageDataset(
            name: "test", images: folder.write(images, "images"), labels: folder.write(labels, "labels"),
            classCount: classCount, remedy: "mend it")
    }

    @Test("Plain files of grey images are read, with mean and standard deviation")
    func grey() throws {
        let pixels: [UInt8] = [0, 255, 51, 102, 255, 255, 0, 0, 1, 2, 3, 4]
        let dataset = try load(TemporaryFolder(), images: idx([2, 2, 3], pixels), labels: idx([2], [4, 1]))
        #expect(dataset.count == 2 && dataset.channels == 1 && dataset.height == 2 && dataset.width == 3)
        #expect(dataset.pixels == pixels && dataset.labels == [4, 1] && dataset.classCount == 5)
        let values = pixels.map { Double($0) / 255 }
        let mean = values.reduce(0, +) / 12
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 12).squareRoot()
        #expect(abs(dataset.normalization.mean[0] - mean) < 1e-12)
        #expect(abs(dataset.normalization.standardDeviation[0] - deviation) < 1e-12)
    }

    @Test("Colour images become planes, with statistics per channel")
    func colour() throws {
        let pixels: [UInt8] = [1, 10, 100, 2, 20, 200, 3, 30, 30, 4, 40, 40]
        let dataset = try load(TemporaryFolder(), images: idx([2, 1, 2, 3], pixels), labels: idx([2], [0, 1]))
        #expect(dataset.channels == 3)
        #expect(dataset.pixels == [1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 30, 40])
        #expect(abs(dataset.normalization.mean[1] - 25.0 / 255) < 1e-12)
    }

    struct Broken: CustomTestStringConvertible {
        let name: String
        var images = idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
        var labels = idx([2], [0, 1])
        var classCount: Int?
        var file = "images"
        let says: String
        var testDescription: String { name }
    }

    static let broken = [
        Broken(name: "truncated content", images: idx([2, 2, 2], [1, 2, 3]), says: "truncated: 3 of 8 bytes"),
        Broken(name: "truncated head", images: Array(idx([2, 2, 2], []).prefix(9)), says: "truncated within its head"),
        Broken(name: "empty file", images: [], says: "truncated: 0 of the 4 bytes"),
        Broken(
            name: "a huge claim", images: idx([60_000, 60_000, 60_000], [1]), says: "truncated: its header announces"),
        Broken(
            name: "a claim beyond 64 bits", images: idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [1]),
            says: "truncated: its header announces"),
        Broken(name: "more than promised", images: idx([1, 1, 2], [1, 2, 3]), says: "has more than the 2 bytes"),
        Broken(name: "wrong magic", images: Array("PNG image".utf8), says: "not an IDX file: it begins with bytes 50"),
        Broken(name: "floating-point elements", images: idx([1, 1, 1], [0, 0, 0, 0], type: 13), says: "IDX type 13"),
        Broken(name: "labels for images", images: idx([2], [0, 1]), says: "rank 1 instead of 3 or 4"),
        Broken(
            name: "images for labels", labels: idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), file: "labels",
            says: "rank 3 instead of 1"),
        Broken(
            name: "too few labels", labels: idx([1], [0]), file: "labels",
            says: "has 1 labels, but"),
        Broken(
            name: "a label outside the classes", labels: idx([2], [0, 7]), classCount: 5, file: "labels",
            says: "label 7 of image 1 is outside 0…4"),
        Broken(name: "no images", images: idx([0, 2, 2], []), labels: idx([0], []), says: "holds no pixels"),
        Broken(
            name: "constant images", images: idx([2, 2, 2], [9, 9, 9, 9, 9, 9, 9, 9]), says: "have the same value"),
    ]

    @Test("Broken files: the error names file, fault and remedy", arguments: broken)
    func refused(_ example: Broken) throws {
        let folder = try TemporaryFolder()
        let error = try #require(throws: DatasetError.self) {
            try load(folder, images: example.images, labels: example.labels, classCount: example.classCount).count
        }
        #expect(error.place == folder.path(example.file), "\(error)")
        #expect(error.problem.contains(example.says), "\(error)")
        #expect(error.remedy.contains("mend it"))
    }

    @Test("A gzipped file that ends early or was changed is refused")
    func brokenGzip() throws {
        let folder = try TemporaryFolder()
        let labels = sampleFolder.appendingPathComponent("t10k-labels-idx1-ubyte.gz").path
        let whole = try [UInt8](Data(contentsOf: sampleFolder.appendingPathComponent("t10k-images-idx3-ubyte.gz")))
        var changed = whole
        changed[whole.count - 6] ^= 1
        for (bytes, says) in [
            (Array(whole.prefix(whole.count / 2)), "truncated"), (Array(whole.prefix(5)), "truncated"),
            (changed, "incorrect data check"),
        ] {
            let path = try folder.write(bytes, "images.gz")
            let error = try #require(throws: DatasetError.self) {
                try ImageDataset(name: "test", images: path, labels: labels, remedy: "copy it again").count
            }
            #expect(error.place == path && error.problem.contains(says), "\(error)")
        }
    }

    @Test("A missing file and a folder in place of a file are refused")
    func missing() throws {
        let folder = try TemporaryFolder()
        var error = try #require(throws: DatasetError.self) {
            try ImageDataset(name: "test", images: folder.path("none"), labels: folder.path("none"), remedy: "get it")
                .count
        }
        #expect(error.place == folder.path("none") && error.problem.contains("No such file"), "\(error)")
        error = try #require(throws: DatasetError.self) {
            try ImageDataset(name: "test", images: folder.url.path, labels: folder.path("none"), remedy: "get it").count
        }
        #expect(error.place == folder.url.path, "\(error)")
    }

    @Test("The remedy for missing Fashion-MNIST is the package to install")
    func remedy() throws {
        let files = FashionMNIST(settings(of: FashionMNIST.self, folder: "/nonexistent"))
        #expect(files.remedyForMissingFiles.contains("sudo apt-get install dataset-fashion-mnist"))
        let error = try #require(throws: DatasetError.self) { try files.open() }
        #expect(error.description.contains("/nonexistent/train-images-idx3-ubyte.gz"))
        #expect(error.description.contains("sudo apt-get install dataset-fashion-mnist"))
    }
}
