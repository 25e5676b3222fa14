package import Declarations

/// Images that text files name, with their classes.
package struct ListedImages: EncodedCollection {
    package static let name = "list"
    package static let summary =
        "JPEG, PNG and WebP images that lists of paths name, such as the 1 % and 10 % lists of SimCLR"
    package static let keys =
        [
            DataKeys.folder,
            DeclaredKey(
                "train_list", default: "train.txt",
                "File in data.folder that lists the training images: a path in it and a label in each line; or a path alone, "
                    + "whose class is its folder's name, or of a name alone what comes before the first underscore.",
                synonyms: "train_file train_split subset semi_supervised"),
            DeclaredKey(
                "test_list", default: "test.txt", "File in data.folder that lists the test images.",
                synonyms: "val_list test_file"),
            DeclaredKey(
                "probe_list", default: String?.none,
                "File in data.folder that lists the labelled images that probes are fitted to; none: the training images.",
                synonyms: "labeled_list linear_list"),
            DeclaredKey(
                "train_labels_used", default: true,
                "false: training images have no classes, whatever their list says; probes then need data.probe_list.",
                synonyms: "unlabeled unlabelled self_supervised"),
        ] + DataKeys.encodedImages

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let remedyForMissingFiles =
        "set data.folder to the folder that paths begin at, and data.train_list and data.test_list to lists in it"

    package var requiredPaths: [RequiredPath] {
        guard let folder: String = settings["folder", as: String?.self] else { return [] }
        var lists: [(key: String, name: String)] = [
            ("train_list", settings["train_list"]), ("test_list", settings["test_list"]),
        ]
        if let probe: String = settings["probe_list", as: String?.self] { lists.append(("probe_list", probe)) }
        return lists.map { RequiredPath(key: $0.key, path: ImageIndex.join(folder, $0.name)) }
    }

    func trainingSplit() throws -> EncodedSplit {
        try read(settings["train_list"], isLabeled: settings["train_labels_used"])
    }

    func otherSplits() throws -> (test: EncodedSplit, probe: EncodedSplit?) {
        (try read(settings["test_list"]), try settings["probe_list", as: String?.self].map { try read($0) })
    }

    private func read(_ list: String, isLabeled: Bool = true) throws -> EncodedSplit {
        let folder = try folder()
        let path = ImageIndex.join(folder, list)
        return EncodedSplit(
            try ImageList.read(path, root: folder, isLabeled: isLabeled, remedy: remedyForMissingFiles), place: path,
            remedy: "put it back, or take it out of \(path)")
    }
}
