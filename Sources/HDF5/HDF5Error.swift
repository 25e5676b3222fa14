import Foundation

/// An operation on an HDF5 file failed.
package struct HDF5Error: LocalizedError, CustomStringConvertible, Sendable {
    /// What was tried: "open", "read", "create dataset".
    package var operation: String
    package var file: String
    /// Path of the object in the file.
    package var object: String
    /// Why, where this module knows; otherwise the innermost message of `stack`.
    package var message: String
    /// The library's own account, outermost function first.
    package var stack: [String]

    package init(operation: String, file: String, object: String, message: String, stack: [String] = []) {
        self.operation = operation
        self.file = file
        self.object = object
        self.message = message
        self.stack = stack
    }

    package var description: String { "\(file): \(object): cannot \(operation): \(message)" }
    package var errorDescription: String? { description }

    /// The description and the library's stack, for logs.
    package var detailedDescription: String {
        ([description] + stack.map { "  " + $0 }).joined(separator: "\n")
    }
}
