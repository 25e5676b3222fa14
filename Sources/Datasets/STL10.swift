package import Declarations

/// STL-10 (Coates, Lee, Ng 2011), the binary version: few labelled images, and many without labels to train on.
package struct STL10: RecordCollection {
    package static let name = "stl10"
    package static let summary =
        "colour images of 96×96: 100,000 without labels to train on, 5,000 for probes and 8,000 to test, data.folder "
        + "with the binary version"
    package static let keys = [
        DataKeys.folder,
        DeclaredKey(
            "train_on", default: TrainingImages.unlabeled.rawValue,
            "Images of STL-10 to train on: the 100,000 without labels, the 5,000 labelled ones, or both. Probes are fitted "
                + "to the labelled ones in any case.", choices: TrainingImages.allCases.map(\.rawValue),
            synonyms: "unlabelled pretrain_split"),
    ]
    static let geometry = ImageGeometry(channels: 3, height: STL10Folder.side, width: STL10Folder.side)

    enum TrainingImages: String, CaseIterable {
        case unlabeled, train, both
    }

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    private var trainingImages: TrainingImages { TrainingImages(rawValue: settings["train_on"]) ?? .unlabeled }

    package var knownSizes: SplitSizes? {
        switch trainingImages {
        case .unlabeled: SplitSizes(train: 100_000, test: 8_000, probe: 5_000)
        case .train: SplitSizes(train: 5_000, test: 8_000)
        case .both: SplitSizes(train: 105_000, test: 8_000, probe: 5_000)
        }
    }
    package let knownGeometry: ImageGeometry? = geometry
    package let classNames: [String]? = [
        "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
    ]
    package let remedyForMissingFiles =
        "set data.folder to the unpacked stl10_binary.tar.gz of https://cs.stanford.edu/~acoates/stl10, or to the folder "
        + "that holds it"

    func files(in folder: String) -> [String] {
        STL10Folder.files(in: folder, withUnlabeled: trainingImages != .train)
    }

    package func trainingImageCount() throws -> Int { try trainingSplit(STL10Folder(folder: folder)).count }

    private func trainingSplit(_ files: STL10Folder) throws -> RecordSplit {
        if trainingImages == .train { return files.train }
        guard let unlabeled = files.unlabeled else {
            throw DatasetError(
                place: "\(files.folder)/unlabeled_X.bin", problem: "is not there",
                remedy: "unpack stl10_binary.tar.gz again, or set data.train_on: train")
        }
        guard trainingImages == .both else { return unlabeled }
        return RecordSplit.joined([unlabeled, files.train], imageSize: STL10Folder.imageSize)
    }

    package func open() throws -> DatasetSplits {
        let files = try STL10Folder(folder: folder)
        func images(_ split: RecordSplit) throws -> RecordImages {
            try RecordImages(
                split, Self.geometry, order: .columnByColumn, place: files.folder, remedy: remedyForMissingFiles)
        }
        let train = try images(trainingSplit(files))
        return try splits(
            train: train, trainingImages == .train ? files.train.labels : nil, test: images(files.test),
            files.test.labels, probe: trainingImages == .train ? nil : (images(files.train), files.train.labels),
            classNames: files.classNames)
    }
}
