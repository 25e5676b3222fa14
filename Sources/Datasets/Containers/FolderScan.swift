/// Walks folders of images as torchvision's ImageFolder does: classes by name; within a class folders by path, links
/// followed, and files by name.
struct FolderScan {
    /// More folders than this are a mistake, or links that lead to each other.
    private static let maximumFolders = 1_000_000

    private struct Pending {
        let relative: String
        /// Device and number of the folders on the way here.
        let ancestors: [[UInt64]]
    }

    let root: String
    let remedy: String
    private(set) var paths = PathTable()
    private(set) var labels: [Int32] = []
    private(set) var directories: [FolderIndex.Directory] = []
    private(set) var notes = FolderNotes()
    private var extensionCounts = [Int](repeating: 0, count: ImageExtension.names.count)

    init(root: String, remedy: String) {
        self.root = root
        self.remedy = remedy
    }

    /// Scans a folder of class folders.
    ///
    /// - Returns: Names of classes, sorted.
    mutating func scanClasses() throws -> [String] {
        let listing = try DirectoryListing(root, remedy: remedy)
        directories.append(FolderIndex.Directory(path: "", stamp: listing.stamp))
        var names: [String] = []
        for entry in listing.entries {
            let name = listing.name(entry)
            guard accept(name, entry.kind, in: "") else { continue }
            if entry.kind == .folder {
                names.append(String(decoding: name, as: UTF8.self))
            } else {
                notes.others.add(String(decoding: name, as: UTF8.self))
            }
        }
        for (number, name) in names.enumerated() {
            let before = paths.count
            try walk(name, label: Int32(clamping: number), ancestors: [listing.stamp.identity])
            if paths.count == before { notes.emptyClasses.append(name) }
        }
        finish()
        return names
    }

    /// Scans a folder of images without classes, with the folders in it.
    mutating func scanFlat() throws {
        try walk("", label: -1, ancestors: [])
        finish()
    }

    private mutating func finish() {
        for (name, count) in zip(ImageExtension.names, extensionCounts) where count > 0 {
            notes.extensions[name] = count
        }
    }

    private mutating func walk(_ start: String, label: Int32, ancestors: [[UInt64]]) throws {
        var pending = [Pending(relative: start, ancestors: ancestors)]
        var found: [(relative: String, listing: DirectoryListing)] = []
        while let next = pending.popLast() {
            let listing = try DirectoryListing(ImageIndex.join(root, next.relative), remedy: remedy)
            let identity = listing.stamp.identity
            guard !next.ancestors.contains(identity) else {
                notes.unusable.add(next.relative + " (a link to a folder that it lies in)")
                continue
            }
            guard directories.count < Self.maximumFolders else {
                throw DatasetError(
                    place: root, problem: "holds more than \(Self.maximumFolders) folders; links may lead in a circle",
                    remedy: "give the folder of the images alone")
            }
            directories.append(FolderIndex.Directory(path: next.relative, stamp: listing.stamp))
            for entry in listing.entries where entry.kind == .folder {
                let name = listing.name(entry)
                guard accept(name, .folder, in: next.relative) else { continue }
                let path = ImageIndex.join(next.relative, String(decoding: name, as: UTF8.self))
                let relative = next.relative.isEmpty ? String(path.drop { $0 == "/" }) : path
                pending.append(Pending(relative: relative, ancestors: next.ancestors + [identity]))
            }
            found.append((next.relative, listing))
        }
        found.sort { $0.relative.utf8.lexicographicallyPrecedes($1.relative.utf8) }
        for (relative, listing) in found {
            let head = relative.isEmpty ? [] : Array(relative.utf8) + [UInt8(ascii: "/")]
            for entry in listing.entries where entry.kind != .folder {
                let name = listing.name(entry)
                guard accept(name, entry.kind, in: relative) else { continue }
                guard let kind = ImageExtension.index(name) else {
                    notes.others.add(String(decoding: head + name, as: UTF8.self))
                    continue
                }
                extensionCounts[kind] += 1
                try paths.append(head, name, of: root)
                labels.append(label)
            }
        }
    }

    /// Whether an entry is looked at; counts those that are not.
    private mutating func accept(_ name: ArraySlice<UInt8>, _ kind: DirectoryListing.Kind, in folder: String) -> Bool {
        func path() -> String { (folder.isEmpty ? "" : folder + "/") + String(decoding: name, as: UTF8.self) }
        if name.first == UInt8(ascii: ".") {
            notes.hidden.add(path())
            return false
        }
        if kind == .other || !Self.isUTF8(name) {
            notes.unusable.add(path())
            return false
        }
        return true
    }

    private static func isUTF8(_ name: ArraySlice<UInt8>) -> Bool {
        name.allSatisfy { $0 < 0x80 } || String(validating: name, as: UTF8.self) != nil
    }
}
