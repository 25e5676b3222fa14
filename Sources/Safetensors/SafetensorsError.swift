import Foundation

/// A safetensors file, or a tensor in one, is not what it should be.
package struct SafetensorsError: LocalizedError, CustomStringConvertible, Sendable, Equatable {
    /// Path of the file; empty for a tensor that has no file yet.
    package var file: String
    /// Name of the tensor concerned.
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

    package var description: String {
        let place = [file, tensor.map { "tensor \"\($0)\"" }].compactMap { $0 }.filter { !$0.isEmpty }
        return (place + ["\(message); \(remedy)"]).joined(separator: ": ")
    }

    package var errorDescription: String? { description }
}
