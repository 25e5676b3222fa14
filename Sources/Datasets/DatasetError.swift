/// A data set that cannot be used: which file, what is wrong with it, and what to do.
package struct DatasetError: Error, Hashable, CustomStringConvertible {
    /// Path of the file or folder, or the key of a setting.
    package let place: String
    package let problem: String
    package let remedy: String
    /// Whether there are no images at the place at all, rather than some that cannot be used.
    package let isAbsence: Bool
    /// Whether the bytes of an image are at fault: another look at the same bytes would find the same.
    package let isAboutBytes: Bool

    package init(place: String, problem: String, remedy: String, isAbsence: Bool = false, isAboutBytes: Bool = false) {
        self.place = place
        self.problem = problem
        self.remedy = remedy
        self.isAbsence = isAbsence
        self.isAboutBytes = isAboutBytes
    }

    package var description: String { "\(place): \(problem); \(remedy)" }
}
