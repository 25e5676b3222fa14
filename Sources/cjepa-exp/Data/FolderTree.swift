import Datasets
import Foundation

/// A folder of images in one of the usual forms: `train` and others with class folders or images inside, class folders, or
/// images alone.
struct FolderTree {
    struct Split {
        let name: String
        let index: ImageIndex
        let notes: FolderNotes
        /// Class of each image by the numbers of all splits; none where there are no classes.
        let labels: [Int32]?
    }

    /// The training images first.
    let splits: [Split]
    /// Those of the training images, then those that only other splits have.
    let classNames: [String]

    private static let evaluationNames = ["val", "valid", "validation", "test"]
    private static let remedy = "give a folder with images, with class folders, or with train and val or test"

    /// - Throws: `DatasetError` for a folder that cannot be read or holds no images.
    init(_ root: String) throws {
        let cache = IndexCache.standard()
        let folders = Self.folders(in: root)
        let evaluated = Self.evaluationNames.filter(folders.contains)
        // A class may be called "train" (CIFAR-100 has one): a split has others beside it, is alone, or has classes inside.
        let isSplit =
            folders.contains("train")
            && (!evaluated.isEmpty || folders.count == 1 || !Self.folders(in: root + "/train").isEmpty)
        let known = isSplit ? ["train"] + evaluated : []
        let parts = known.isEmpty ? [("images", root)] : known.map { ($0, root + "/" + $0) }
        let opened = try parts.map { name, path in
            let layout: FolderIndex.Layout = Self.folders(in: path).isEmpty ? .flat : .classes
            return (name, try FolderIndex.open(path, layout: layout, cache: cache, remedy: Self.remedy))
        }
        var names: [String] = []
        var numbers: [String: Int32] = [:]
        for (_, index) in opened where index.layout == .classes {
            for name in index.index.classNames where numbers[name] == nil {
                numbers[name] = Int32(clamping: names.count)
                names.append(name)
            }
        }
        classNames = names
        splits = opened.map { name, found in
            let table = found.index.classNames.map { numbers[$0] ?? -1 }
            let labels = found.layout == .flat ? nil : found.index.labels.map { table[Int($0)] }
            return Split(name: name, index: found.index, notes: found.notes, labels: labels)
        }
    }

    /// Names of the folders in a folder, without hidden ones; links count as what they lead to.
    private static func folders(in path: String) -> Set<String> {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return Set(
            names.filter { name in
                var isFolder: ObjCBool = false
                return !name.hasPrefix(".")
                    && FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder)
                    && isFolder.boolValue
            })
    }
}
