import Foundation

/// A list of images in a text file: `path label` or `path` in each line, the label a number or a name.
///
/// A path without a label has the class of its folder; a name without a folder, such as `n01440764_10026.JPEG` in the lists
/// of SimCLR, that before its first underscore, and lies in the folder of that name where there is one.
package enum ImageList {
    /// Reads a list.
    ///
    /// - Parameters:
    ///   - root: The folder that paths begin at.
    ///   - isLabeled: False: images have no labels, whatever the list says.
    /// - Throws: `DatasetError` that names the line.
    package static func read(_ path: String, root: String, isLabeled: Bool = true, remedy: String) throws -> ImageIndex
    {
        let reader = ListReader(file: try PositionalFile(path: path, remedy: remedy))
        var paths = PathTable()
        var column = LabelColumn()
        var hasClassFolders: Bool?
        var firstUnlabeled: Int?
        var firstLabeled: Int?
        try reader.forEachBytes { number, line in
            if line.first == UInt8(ascii: "#") { return }
            guard !line.contains(0) else { throw reader.failure(number, "holds a byte of zero") }
            let (file, written) = split(line)
            var label = written
            var folder: ArraySlice<UInt8> = []
            if label == nil {
                let parts = file.split(separator: UInt8(ascii: "/"))
                if parts.count > 1 {
                    label = parts[parts.count - 2]
                } else if let underscore = file.firstIndex(of: UInt8(ascii: "_")), underscore > file.startIndex {
                    let name = file[..<underscore]
                    if hasClassFolders == nil {
                        let path = String(decoding: name + [UInt8(ascii: "/")] + file, as: UTF8.self)
                        hasClassFolders = FileManager.default.fileExists(atPath: ImageIndex.join(root, path))
                    }
                    label = name
                    if hasClassFolders == true { folder = name + [UInt8(ascii: "/")] }
                }
            }
            if label == nil { firstUnlabeled = firstUnlabeled ?? number } else { firstLabeled = firstLabeled ?? number }
            try paths.append(folder, file, of: path)
            column.append(isLabeled ? label.map { String(decoding: $0, as: UTF8.self) } : nil)
        }
        guard paths.count > 0 else {
            throw DatasetError(place: path, problem: "names no images", remedy: remedy)
        }
        if isLabeled, let firstUnlabeled, firstLabeled != nil {
            throw reader.failure(firstUnlabeled, "has no label, but other lines have")
        }
        let (labels, classNames) = column.resolved()
        return ImageIndex(root: root, classNames: classNames, paths: paths, labels: labels)
    }

    /// Path and label of a line. A line that ends like the name of an image has none; names may hold blanks.
    private static func split(_ line: ArraySlice<UInt8>) -> (path: ArraySlice<UInt8>, label: ArraySlice<UInt8>?) {
        if ImageExtension.index(line) != nil { return (line, nil) }
        let comma = UInt8(ascii: ",")
        guard let blank = line.lastIndex(where: { ListReader.isBlank($0) || $0 == comma }) else { return (line, nil) }
        var path = line[..<blank]
        while let last = path.last, ListReader.isBlank(last) || last == comma { path.removeLast() }
        let label = line[line.index(after: blank)...]
        return path.isEmpty || label.isEmpty ? (line, nil) : (path, label)
    }
}
