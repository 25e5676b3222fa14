/// A number that is recorded at every step, declared beside the code that measures it.
package struct DeclaredSeries: Sendable, Hashable {
    /// "invariance": what comes after the name of the declaring term in the column's name.
    package let name: String
    /// As the heading of a chart: "Invariance term".
    package let title: String
    /// Its name on the line of progress: "inv".
    package let shortTitle: String
    /// What the number is exactly, as stored beside it.
    package let convention: String

    package init(_ name: String, title: String, short: String, _ convention: String) {
        self.name = name
        self.title = title
        shortTitle = short
        self.convention = convention
    }
}
