import Foundation

/// Weights cannot be read, do not make a network, or cannot be written in the form that was asked for.
package struct WeightError: LocalizedError, CustomStringConvertible, Hashable, Sendable {
    /// File or folder.
    package var file: String
    /// The tensor, or the part of the file, that is concerned.
    package var tensor: String?
    package var message: String
    /// What the reader can do about it.
    package var remedy: String

    package init(file: String, tensor: String? = nil, message: String, remedy: String) {
        self.file = file
        self.tensor = tensor
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(file): \(tensor.map { "\($0): " } ?? "")\(message); \(remedy)" }

    package var errorDescription: String? { description }

    /// What is to be done about a file that is not whole.
    static let again = "the file is damaged: download or write it again"
}
