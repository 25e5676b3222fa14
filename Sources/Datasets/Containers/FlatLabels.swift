import Foundation

/// Labels of a folder of images without class folders, such as ImageNet's `val` as it is distributed.
///
/// Three forms: a number in each line, in the order of the sorted names (ILSVRC2012_validation_ground_truth.txt);
/// `name label` in each line; CSV with a head, as Kaggle's LOC_val_solution.csv, whose second column begins with the class.
package enum FlatLabels {
    /// Gives the images of a flat index the labels of a list.
    ///
    /// - Parameters:
    ///   - path: The list.
    ///   - numbered: A file that says which class a number means: `name …` in each line, the first is number 1; or
    ///     `number name` in each line. The numbers of ImageNet's development kit are not in the order of the folders' names,
    ///     so numbers without such a file stay numbers.
    /// - Throws: `DatasetError` for lists that do not fit the folder, with the line, and for images that they do not name.
    package static func apply(_ path: String, to index: ImageIndex, numbered: String? = nil, remedy: String) throws
        -> ImageIndex
    {
        let reader = ListReader(file: try PositionalFile(path: path, remedy: remedy))
        let classes = try numbered.map { try classNames(of: $0, remedy: remedy) }
        var paths = PathTable()
        var column = LabelColumn()
        var isNumberList: Bool?
        var unknown = FolderNotes.Tally()
        // Names without an extension are looked up by their stems; so are all where folders come between the names.
        let isSorted = index.paths.isSorted
        var stems: [String: Int]?
        var taken = [Bool](repeating: false, count: index.count)
        try reader.forEachLine { number, line in
            if number == 1, line.lowercased().hasPrefix("imageid,") { return }
            let (name, label) = fields(line)
            if isNumberList == nil { isNumberList = name == nil }
            guard isNumberList == (name == nil) else {
                throw reader.failure(number, "has another number of columns than the lines before it")
            }
            let place: Int?
            if let name {
                if isSorted, let exact = index.paths.sortedIndex(of: name.utf8) {
                    place = exact
                } else {
                    if stems == nil { stems = lookupTable(index, withWholePaths: !isSorted) }
                    place = stems?[name]
                }
            } else {
                place = paths.count < index.count ? paths.count : nil
                if place == nil { throw reader.failure(number, "is one more label than the \(index.count) images") }
            }
            guard let place else {
                unknown.add(name ?? "")
                return
            }
            guard !taken[place] else { throw reader.failure(number, "names \"\(name ?? "")\" a second time") }
            taken[place] = true
            try paths.append(index.paths.bytes(place), of: path)
            column.append(try meaning(label, classes) { reader.failure(number, $0) })
        }
        guard unknown.count == 0 else {
            throw DatasetError(
                place: path,
                problem: "names \(unknown.count) images that are not in \(index.root): "
                    + unknown.examples.joined(separator: ", "), remedy: remedy)
        }
        guard isNumberList != true || paths.count == index.count else {
            throw DatasetError(
                place: path, problem: "has \(paths.count) labels for the \(index.count) images in \(index.root)",
                remedy: remedy)
        }
        if let image = taken.firstIndex(of: false) {
            throw DatasetError(
                place: path,
                problem:
                    "names \(paths.count) of the \(index.count) images in \(index.root), but not \(index.paths[image])",
                remedy: "complete the list or copy it again; a part of the images is what data.dataset: list is for")
        }
        guard paths.count > 0 else { throw DatasetError(place: path, problem: "has no labels", remedy: remedy) }
        let (labels, names) = column.resolved()
        return ImageIndex(root: index.root, classNames: names, paths: paths, labels: labels)
    }

    /// Name and label of a line; no name in a list of labels.
    private static func fields(_ line: String) -> (name: String?, label: String) {
        if let comma = line.firstIndex(of: ",") {
            let rest = line[line.index(after: comma)...].drop { $0 == " " || $0 == "\"" }
            let label = rest.prefix { $0 != " " && $0 != "," && $0 != "\"" }
            return (line[..<comma].trimmingCharacters(in: CharacterSet(charactersIn: " \"")), String(label))
        }
        guard let blank = line.lastIndex(where: \.isWhitespace) else { return (nil, line) }
        return (line[..<blank].trimmingCharacters(in: .whitespaces), String(line[line.index(after: blank)...]))
    }

    private static func meaning(
        _ label: String, _ classes: [Int: String]?, failure: (String) -> DatasetError
    ) throws -> String {
        guard !label.isEmpty else { throw failure("has no label") }
        guard let classes, let number = Int(label) else { return label }
        guard let name = classes[number] else { throw failure("has class \(number), which the list of classes lacks") }
        return name
    }

    private static func classNames(of path: String, remedy: String) throws -> [Int: String] {
        let reader = ListReader(file: try PositionalFile(path: path, remedy: remedy))
        var classes: [Int: String] = [:]
        try reader.forEachLine { number, line in
            let words = line.split(whereSeparator: \.isWhitespace)
            let written = words.count > 1 ? Int(words[0]) : nil
            guard let name = written == nil ? words.first : words[1],
                classes.updateValue(String(name), forKey: written ?? classes.count + 1) == nil
            else { throw reader.failure(number, "gives a number to a second class") }
        }
        return classes
    }

    /// Place of each image by its path without extension, and by its path; none for stems that two images share.
    private static func lookupTable(_ index: ImageIndex, withWholePaths: Bool) -> [String: Int] {
        var table: [String: Int] = [:]
        var shared: Set<String> = []
        for place in 0..<index.count {
            let path = index.paths[place]
            let stem = path.lastIndex(of: ".").map { String(path[..<$0]) } ?? path
            if table.updateValue(place, forKey: stem) != nil { shared.insert(stem) }
        }
        for stem in shared { table[stem] = nil }
        if withWholePaths { for place in 0..<index.count { table[index.paths[place]] = place } }
        return table
    }
}
