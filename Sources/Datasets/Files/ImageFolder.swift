package import Declarations
import Foundation

/// Images in class folders, as torchvision's `ImageFolder` reads them.
package struct ImageFolder: EncodedCollection {
    package static let name = "image_folder"
    package static let summary =
        "JPEG, PNG and WebP images in class folders, as ImageNet's and torchvision's ImageFolder"
    package static let keys =
        [
            DataKeys.folder,
            DeclaredKey(
                "train", default: "train", "Folder of the training images in data.folder: one folder for each class.",
                synonyms: "train_dir train_folder traindir"),
            DeclaredKey(
                "test", default: String?.none,
                "Folder of the test images in data.folder; none: test, or val where there is no test.",
                synonyms: "val val_dir test_dir valdir validation"),
            DeclaredKey(
                "test_label_list", default: String?.none,
                "File in data.folder with the classes of test images that lie in no class folders: a label in each line, in "
                    + "the order of the sorted names; or name and label; or ImageNet's LOC_val_solution.csv.",
                synonyms: "val_labels ground_truth"),
            DeclaredKey(
                "class_numbers", default: String?.none,
                "File in data.folder that says which class a number in data.test_label_list means: the folder of a class "
                    + "in each line, from number 1 on, or number and folder.",
                synonyms: "synsets mapping class_index"
            ) { $0["test_label_list", as: String?.self] != nil },
        ] + DataKeys.encodedImages

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let remedyForMissingFiles =
        "set data.folder, and data.train and data.test to the folders in it that hold one folder for each class"

    package var requiredPaths: [RequiredPath] {
        guard let folder: String = settings["folder", as: String?.self] else { return [] }
        let lists = ["test_label_list", "class_numbers"].compactMap { key in
            settings[key, as: String?.self].map { RequiredPath(key: key, path: ImageIndex.join(folder, $0)) }
        }
        return [
            RequiredPath(key: "train", path: ImageIndex.join(folder, settings["train"])),
            RequiredPath(key: "test", path: testFolder(folder)),
        ] + lists
    }

    private func testFolder(_ folder: String) -> String {
        if let given: String = settings["test", as: String?.self] { return ImageIndex.join(folder, given) }
        let usual = ["test", "val"].map { ImageIndex.join(folder, $0) }
        return usual.first { FileManager.default.fileExists(atPath: $0) } ?? usual[0]
    }

    func trainingSplit() throws -> EncodedSplit {
        try classFolders(ImageIndex.join(folder(), settings["train"]))
    }

    func otherSplits() throws -> (test: EncodedSplit, probe: EncodedSplit?) {
        let folder = try folder()
        let path = testFolder(folder)
        guard let list: String = settings["test_label_list", as: String?.self] else {
            return (try classFolders(path), nil)
        }
        let flat = try FolderIndex.open(path, layout: .flat, cache: .standard(), remedy: remedyForMissingFiles)
        let numbered: String? = settings["class_numbers", as: String?.self].map { ImageIndex.join(folder, $0) }
        let labelled = try FlatLabels.apply(
            ImageIndex.join(folder, list), to: flat.index, numbered: numbered,
            remedy: "set data.test_label_list and data.class_numbers to the files that belong to \(path)")
        // Class folders have names.
        guard !labelled.classNames.isEmpty || numbered != nil else {
            throw DatasetError(
                place: ImageIndex.join(folder, list),
                problem: "has numbers, and nothing says which class each of them is",
                remedy: "set data.class_numbers to a file with the folder of a class in each line, from number 1 on")
        }
        return (split(labelled, flat, path), nil)
    }

    private func classFolders(_ path: String) throws -> EncodedSplit {
        let remedy = remedyForMissingFiles + "; classes of images that lie in none are given by data.test_label_list"
        let found = try FolderIndex.open(path, layout: .classes, cache: .standard(), remedy: remedy)
        return split(found.index, found, path)
    }

    private func split(_ index: ImageIndex, _ scan: FolderIndex, _ path: String) -> EncodedSplit {
        EncodedSplit(
            index, place: path, scan: scan, remedy: "put it back, or start anew with the files as they are")
    }
}
