import Foundation

extension DataConfiguration {
    /// Where Debian's package puts Fashion-MNIST.
    static let fashionMNISTFolder = "/usr/share/datasets/fashion-mnist"
    /// Where the committed sample lies in the repository.
    static let sampleFolder = "Tests/Fixtures/fashion-mnist-sample"

    /// Numbers of training and test images of the data sets that are known; none for others.
    package var knownSizes: (train: Int, test: Int)? {
        switch dataset {
        case .fashionMNIST: (60_000, 10_000)
        case .fashionMNISTSample: (2_000, 500)
        case .idx: nil
        }
    }

    /// The folder of the files: as given, else where the data set is known to be.
    ///
    /// The sample is looked for from the spec's folder, the working directory and the program's own folder upwards.
    ///
    /// - Parameter specFolder: Folder of the spec.
    /// - Returns: None where an `idx` data set has no folder; a sample that is nowhere has its place below `specFolder`.
    package func resolvedFolder(specFolder: String) -> String? {
        if let folder {
            return URL(fileURLWithPath: folder, relativeTo: URL(fileURLWithPath: specFolder)).standardizedFileURL.path
        }
        switch dataset {
        case .fashionMNIST: return Self.fashionMNISTFolder
        case .idx: return nil
        case .fashionMNISTSample:
            let program = Bundle.main.executableURL?.deletingLastPathComponent().path
            let starts = [specFolder, FileManager.default.currentDirectoryPath] + [program].compactMap { $0 }
            return starts.lazy.compactMap { Self.search(for: Self.sampleFolder, upwardFrom: $0) }.first
                ?? URL(fileURLWithPath: specFolder).appendingPathComponent(Self.sampleFolder).standardizedFileURL.path
        }
    }

    /// Paths of the four files by key; none without a folder.
    package var filePaths: [(key: String, path: String)] {
        guard let folder else { return [] }
        return [
            ("data.train_images", trainImages), ("data.train_labels", trainLabels), ("data.test_images", testImages),
            ("data.test_labels", testLabels),
        ].map { ($0.0, "\(folder)/\($0.1)") }
    }

    /// What to do where files of the data set are missing.
    var remedyForMissingFiles: String {
        switch dataset {
        case .fashionMNIST: "apt-get install dataset-fashion-mnist, or set data.folder"
        case .fashionMNISTSample:
            "it is part of the repository (\(Self.sampleFolder)); set data.folder, or run inside it"
        case .idx: "set data.folder and the names of the four files"
        }
    }

    private static func search(for folder: String, upwardFrom start: String) -> String? {
        var place = URL(fileURLWithPath: start).standardizedFileURL
        while true {
            let candidate = place.appendingPathComponent(folder).path
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
            let parent = place.deletingLastPathComponent().standardizedFileURL
            if parent.path == place.path || place.path == "/" { return nil }
            place = parent
        }
    }

    /// The number of training images: of the known data sets, or from the header of an IDX file that is not gzipped.
    ///
    /// - Throws: `SpecError` where the file is gzipped (this module does not unpack), missing or no IDX file.
    package func trainingImageCount() throws(SpecError) -> Int {
        if let knownSizes { return knownSizes.train }
        let path = "\(folder ?? ".")/\(trainImages)"
        let place = SpecLocation(file: path)
        if trainImages.hasSuffix(".gz") {
            throw SpecError(place, "the images of a gzipped file cannot be counted here", remedy: "set training.steps")
        }
        let header: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            header = try handle.read(upToCount: 8) ?? Data()
        } catch {
            throw SpecError(place, "cannot be read: \(error.localizedDescription)", remedy: remedyForMissingFiles)
        }
        // Two zeros, 8 for unsigned bytes, the number of dimensions; then the sizes, most significant byte first.
        guard header.count == 8, header.prefix(3).elementsEqual([0, 0, 8]) else {
            throw SpecError(place, "is not an IDX file of unsigned bytes", remedy: "check data.train_images")
        }
        return header.suffix(4).reduce(0) { $0 << 8 | Int($1) }
    }
}
