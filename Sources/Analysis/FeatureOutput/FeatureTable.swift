/// Features of images that are about to be computed: everything that is known of them before.
package struct FeatureTable: Sendable {
    /// Images.
    package let rows: Int
    /// Extents of one image's features: [D], or [N, D] of N patches.
    package let shape: [Int]
    package let number: FeatureNumber
    /// Class of an image; -1 where it has none.
    package let label: @Sendable (Int) -> Int32
    package let name: @Sendable (Int) -> String
    /// Names of classes 0, 1, …; none where there are only numbers, or no classes.
    package let classNames: [String]?
    /// Where the features come from: encoder, images.
    package let origin: [(key: String, value: String)]

    /// - Precondition: There is an image, and no extent is 0.
    package init(
        rows: Int, shape: [Int], number: FeatureNumber, classNames: [String]?, origin: [(key: String, value: String)],
        label: @escaping @Sendable (Int) -> Int32, name: @escaping @Sendable (Int) -> String
    ) {
        precondition(rows > 0 && !shape.isEmpty && shape.allSatisfy { $0 > 0 }, "\(rows) rows of shape \(shape)")
        self.rows = rows
        self.shape = shape
        self.number = number
        self.classNames = classNames
        self.origin = origin
        self.label = label
        self.name = name
    }

    /// Numbers of one image.
    package var width: Int { shape.reduce(1, *) }
    /// Bytes of one image's features.
    package var rowBytes: Int { width * number.byteCount }
    package var featureBytes: Int { rows * rowBytes }

    /// The class in words, or its number where it has no name.
    func className(_ row: Int) -> String {
        let label = label(row)
        guard let classNames, classNames.indices.contains(Int(label)) else { return "\(label)" }
        return classNames[Int(label)]
    }
}

/// How long the names of a table are.
struct NameLengths {
    /// Of all names together, bytes of UTF-8.
    private(set) var total = 0
    /// Of the longest one, at least 1: bytes of UTF-8, and code points.
    private(set) var longest = 1
    private(set) var longestInPoints = 1

    init(_ names: some Sequence<String>) {
        for name in names {
            let count = name.utf8.count
            total += count
            longest = max(longest, count)
            longestInPoints = max(longestInPoints, name.unicodeScalars.count)
        }
    }

    init(_ table: FeatureTable) { self.init((0..<table.rows).lazy.map(table.name)) }
}
