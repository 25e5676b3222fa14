package import Declarations

/// CIFAR-10 (Krizhevsky 2009), in the binary version or the pickled one that torchvision leaves behind.
package struct CIFAR10: RecordCollection {
    package static let name = "cifar10"
    package static let summary =
        "50,000 and 10,000 colour images of 32×32 in ten classes, data.folder with the binary or the Python version"
    package static let keys = [DataKeys.folder]
    static let geometry = ImageGeometry(channels: 3, height: 32, width: 32)

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let knownSizes: SplitSizes? = SplitSizes(train: 50_000, test: 10_000)
    package let knownGeometry: ImageGeometry? = geometry
    package let classNames: [String]? = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]
    package let remedyForMissingFiles =
        "set data.folder to the unpacked cifar-10-binary.tar.gz or cifar-10-python.tar.gz of "
        + "https://www.cs.toronto.edu/~kriz/cifar.html, or to the folder that holds it"

    func files(in folder: String) -> [String] { CIFARFolder.files(.ten, in: folder) }

    package func trainingImageCount() throws -> Int { try CIFARFolder(.ten, folder: folder).train.count }

    package func open() throws -> DatasetSplits {
        let files = try CIFARFolder(.ten, folder: folder)
        return try splits(
            train: RecordImages(files.train, Self.geometry, place: folder, remedy: remedyForMissingFiles),
            files.train.labels,
            test: RecordImages(files.test, Self.geometry, place: folder, remedy: remedyForMissingFiles),
            files.test.labels, classNames: files.classNames)
    }
}
