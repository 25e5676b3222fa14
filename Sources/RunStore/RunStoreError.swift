import Foundation

/// Something stored of a run is missing or not what it should be.
package struct RunStoreError: LocalizedError, CustomStringConvertible, Sendable, Equatable {
    package var file: String
    package var message: String
    /// What the reader can do about it.
    package var remedy: String

    package init(file: String, message: String, remedy: String) {
        self.file = file
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(file): \(message); \(remedy)" }
    package var errorDescription: String? { description }
}
