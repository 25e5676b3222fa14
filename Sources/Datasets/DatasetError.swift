/// A data set that cannot be used: which file, what is wrong with it, and what to do.
package struct DatasetError: Error, Hashable, CustomStringConvertible {
    /// Path of the file or folder, or the key of a setting.
    package let place: String
    package let problem: String
    package let remedy: String

    package init(place: String, problem: String, remedy: String) {
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    package var description: String { "\(place): \(problem); \(remedy)" }
}
