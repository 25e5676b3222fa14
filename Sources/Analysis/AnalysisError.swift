/// What went wrong while looking at results or taking them away, with its place and a remedy.
package struct AnalysisError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// A name that was asked for does not exist, or stands for several things.
        case unknownName
        /// Something is in the way: an output exists already.
        case outputExists
        /// Results on disk cannot be used as they are.
        case unusableResults
        /// The file format cannot hold the data, or the file cannot be written.
        case cannotWrite
    }

    package let code: Code
    /// The file or folder concerned.
    package let path: String
    package let message: String
    package let remedy: String

    package init(_ code: Code, path: String, message: String, remedy: String) {
        self.code = code
        self.path = path
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(path): \(message). \(remedy)" }
}
