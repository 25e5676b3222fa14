import Foundation

/// Where the four IDX files of a data set lie.
package struct DatasetFiles: Sendable, Hashable {
    package var name: String
    package var folder: String
    package var trainImages: String
    package var trainLabels: String
    package var testImages: String
    package var testLabels: String
    /// Number of classes; none: the largest training label decides.
    package var classCount: Int?
    /// What to do when files are missing or broken.
    package var remedy: String

    package init(
        name: String, folder: String, trainImages: String = "train-images-idx3-ubyte.gz",
        trainLabels: String = "train-labels-idx1-ubyte.gz", testImages: String = "t10k-images-idx3-ubyte.gz",
        testLabels: String = "t10k-labels-idx1-ubyte.gz", classCount: Int? = nil,
        remedy: String = "check data.folder and the file names under data: in the spec"
    ) {
        self.name = name
        self.folder = folder
        self.trainImages = trainImages
        self.trainLabels = trainLabels
        self.testImages = testImages
        self.testLabels = testLabels
        self.classCount = classCount
        self.remedy = remedy
    }

    /// Number of training images, from the head of their file.
    ///
    /// - Throws: `DatasetError` for a file that is missing or no IDX file of images.
    package func trainingImageCount() throws -> Int {
        try IDXFile.Head(GzipFile(path: path(trainImages), remedy: remedy), dimensions: 3...4).dimensions[0]
    }

    /// Reads all four files.
    ///
    /// - Throws: `DatasetError` for files that are missing or broken, or do not belong together.
    package func load() throws -> DatasetSplits {
        let train = try read(images: trainImages, labels: trainLabels, classCount: classCount)
        var test = try read(images: testImages, labels: testLabels, classCount: train.classCount)
        let geometries = [train, test].map { dataset in
            "\(dataset.source.uniformSize.map { "\($0.height)×\($0.width)×" } ?? "")\(dataset.channels)"
        }
        guard geometries[0] == geometries[1] else {
            throw DatasetError(
                place: path(testImages),
                problem: "test images are \(geometries[1]), training images \(geometries[0])",
                remedy: "use files of the same data set")
        }
        test.normalization = train.normalization
        let splits = DatasetSplits(train: train, test: test)
        try splits.checkTestCount(place: path(testImages))
        return splits
    }

    private func path(_ file: String) -> String {
        file.hasPrefix("/") ? file : URL(fileURLWithPath: folder).appendingPathComponent(file).path
    }

    private func read(images: String, labels: String, classCount: Int?) throws -> ImageDataset {
        try ImageDataset(
            name: name, images: path(images), labels: path(labels), classCount: classCount, remedy: remedy)
    }
}
