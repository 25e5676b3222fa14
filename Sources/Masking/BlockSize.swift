/// Height and width of a block, in patches.
package struct BlockSize: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let height: Int
    package let width: Int

    package init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Number of patches.
    package var count: Int { height * width }
    package var description: String { "\(height)×\(width)" }

    package static func < (a: BlockSize, b: BlockSize) -> Bool {
        (a.count, a.height) < (b.count, b.height)
    }

    /// The block of about `patches` patches with the given ratio of height to width.
    ///
    /// Halves round to even, as in the public code's language. A side longer than `largest` is shortened to it.
    init(patches: Int, aspect: Double, largest: BlockSize) {
        let height = (Double(patches) * aspect).squareRoot().rounded(.toNearestOrEven)
        let width = (Double(patches) / aspect).squareRoot().rounded(.toNearestOrEven)
        self.height = Int(min(height, Double(largest.height)))
        self.width = Int(min(width, Double(largest.width)))
    }
}
