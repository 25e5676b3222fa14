/// A column of a stored table, declared beside the code that measures it.
package struct DeclaredColumn: Sendable, Hashable {
    /// "held_out_accuracy".
    package let name: String
    /// "fraction" for an accuracy, "s", "1" for a bare number.
    package let unit: String
    /// What the number is exactly, as stored beside it.
    package let convention: String

    package init(_ name: String, unit: String = "1", _ convention: String) {
        self.name = name
        self.unit = unit
        self.convention = convention
    }
}
