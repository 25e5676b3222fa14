/// Why a file of features cannot be read, with its place and a remedy.
package struct FeatureFileError: Error, Hashable, CustomStringConvertible {
    package let file: String
    /// The array inside the file, where one was looked at.
    package let dataset: String?
    package let message: String
    package let remedy: String

    package init(file: String, dataset: String? = nil, message: String, remedy: String) {
        self.file = file
        self.dataset = dataset
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(file): \(dataset.map { "\($0): " } ?? "")\(message); \(remedy)" }
}
