/// The patches of an image, in rows and columns.
package struct PatchGrid: Sendable, Hashable {
    package let height: Int
    package let width: Int

    package init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// N.
    package var count: Int { height * width }
}
