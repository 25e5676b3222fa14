import Foundation

/// The index of a folder of images: made once, cached, and checked for changes by the folders' times.
///
/// A file that is added, removed or renamed changes the time of its folder; one that is overwritten in place does not, and
/// is noticed when it is read.
package struct FolderIndex: Sendable {
    package enum Layout: String, Sendable, Codable {
        /// One folder for each class.
        case classes
        /// Images without classes, folders in it included.
        case flat
    }

    /// A folder as it was when it was scanned.
    struct Directory: Hashable, Sendable, Codable {
        /// Relative to the root; empty for the root.
        let path: String
        let stamp: FileStamp
    }

    package let index: ImageIndex
    package let layout: Layout
    package let notes: FolderNotes
    /// It was not scanned now.
    package internal(set) var isFromCache = false
    let directories: [Directory]

    init(index: ImageIndex, layout: Layout, notes: FolderNotes, directories: [Directory]) {
        self.index = index
        self.layout = layout
        self.notes = notes
        self.directories = directories
    }

    /// Takes the index from the cache where it is still right, else scans the folder and caches the index.
    ///
    /// - Parameters:
    ///   - root: The folder of a split.
    ///   - cache: Nil: always scan.
    ///   - remedy: What to do about a folder that is missing.
    /// - Throws: `DatasetError` for a folder that is missing, cannot be read, or holds no image.
    package static func open(_ root: String, layout: Layout, cache: IndexCache?, remedy: String) throws -> FolderIndex {
        let root = URL(fileURLWithPath: root).standardizedFileURL.path
        if var known = cache?.load(root, layout: layout), known.isCurrent() {
            known.isFromCache = true
            return known
        }
        let started = Date()
        let made = try scan(root, layout: layout, remedy: remedy)
        // A folder that changed a moment ago may change again without its time becoming another.
        let settled = Int64((started.timeIntervalSince1970 - 2) * 1e9)
        if made.directories.allSatisfy({ $0.stamp.modified < settled }) { cache?.save(made) }
        return made
    }

    /// Reads the folder.
    package static func scan(_ root: String, layout: Layout, remedy: String) throws -> FolderIndex {
        var scan = FolderScan(root: root, remedy: remedy)
        var classNames: [String] = []
        switch layout {
        case .classes:
            classNames = try scan.scanClasses()
            guard !classNames.isEmpty else {
                throw DatasetError(
                    place: root, problem: "holds no class folders" + scan.notes.left, remedy: remedy, isAbsence: true)
            }
        case .flat: try scan.scanFlat()
        }
        guard scan.paths.count > 0 else {
            throw DatasetError(
                place: root,
                problem: "holds no images (files named .\(ImageExtension.names.joined(separator: ", .")))"
                    + scan.notes.left, remedy: remedy, isAbsence: true)
        }
        return FolderIndex(
            index: ImageIndex(root: root, classNames: classNames, paths: scan.paths, labels: scan.labels),
            layout: layout, notes: scan.notes, directories: scan.directories)
    }

    /// Whether no folder has changed since the scan.
    func isCurrent() -> Bool {
        directories.allSatisfy { directory in
            var status = stat()
            guard unsafe stat(ImageIndex.join(index.root, directory.path), &status) == 0 else { return false }
            return FileStamp(status).isSameFolder(as: directory.stamp)
        }
    }
}

extension FolderNotes {
    /// For messages about folders in which nothing was found.
    fileprivate var left: String {
        others.examples.first.map { "; there are \(others.count) other files, such as \($0)" } ?? ""
    }
}

extension FileStamp {
    /// Device and number.
    var identity: [UInt64] { [device, node] }

    /// The size of a folder is the file system's business, and devices get other numbers when the system starts.
    func isSameFolder(as other: FileStamp) -> Bool { modified == other.modified && node == other.node }
}
