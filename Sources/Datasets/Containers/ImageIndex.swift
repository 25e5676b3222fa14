/// Files of images with their classes: all that is known without opening one.
package struct ImageIndex: Hashable, Sendable {
    /// What can be the number of a class: a larger one is a mistake, and tables of classes would be as large.
    static let classNumbers: Range<Int32> = 0..<1_000_000

    /// The folder that paths begin at.
    package let root: String
    /// In the order of their numbers; empty where images have no labels, or numbers that no file explains.
    package let classNames: [String]
    /// Relative to `root`.
    package let paths: PathTable
    /// Class of each file; -1 for none.
    package let labels: [Int32]

    init(root: String, classNames: [String], paths: PathTable, labels: [Int32]) {
        self.root = root
        self.classNames = classNames
        self.paths = paths
        self.labels = labels
    }

    package var count: Int { paths.count }
    /// Bytes that the paths and labels take.
    package var memory: Int { paths.memory + 4 * labels.count }

    /// The whole path of file `index`.
    package func path(_ index: Int) -> String { Self.join(root, paths[index]) }

    /// The class of file `index`; nil where it has none.
    package func label(_ index: Int) -> Int? { labels[index] < 0 ? nil : Int(labels[index]) }

    /// Number of files of each class.
    package func classSizes() -> [Int] {
        let count = max(classNames.count, Int(labels.max() ?? -1) + 1)
        return labels.reduce(into: [Int](repeating: 0, count: count)) { if $1 >= 0 { $0[Int($1)] += 1 } }
    }

    /// The same files with the class numbers of another split, matched by name.
    ///
    /// - Throws: `DatasetError` that names the classes the other split does not have.
    package func matched(to names: [String], remedy: String) throws -> ImageIndex {
        guard names != classNames else { return self }
        let labels = try Self.matched(labels, of: classNames, to: names, place: root, remedy: remedy)
        return ImageIndex(root: root, classNames: names, paths: paths, labels: labels)
    }

    /// Labels of one split with the class numbers of another, matched by name.
    ///
    /// - Parameter place: What the labels are of.
    /// - Throws: `DatasetError` that names the classes the other split does not have.
    static func matched(
        _ labels: [Int32], of classNames: [String], to names: [String], place: String, remedy: String
    ) throws -> [Int32] {
        let numbers = Dictionary(names.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        var isUsed = [Bool](repeating: false, count: classNames.count)
        for label in labels where label >= 0 && Int(label) < isUsed.count { isUsed[Int(label)] = true }
        let missing = classNames.indices.filter { numbers[classNames[$0]] == nil && isUsed[$0] }
        guard missing.isEmpty else {
            let listed = missing.prefix(5).map { classNames[$0] }.joined(separator: ", ")
            throw DatasetError(
                place: place,
                problem: "has \(missing.count) classes that the training images do not have (\(listed)"
                    + (missing.count > 5 ? ", …)" : ")"), remedy: remedy)
        }
        let table = classNames.map { numbers[$0] ?? -1 }
        return labels.map { $0 >= 0 && Int($0) < table.count ? table[Int($0)] : $0 }
    }

    static func join(_ root: String, _ path: String) -> String {
        path.isEmpty ? root : path.hasPrefix("/") ? path : root.hasSuffix("/") ? root + path : root + "/" + path
    }
}
