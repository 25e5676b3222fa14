/// Something that keeps an experiment from being started or looked at, with what to do about it.
package struct OrchestrationError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Another `run` works on the experiment.
        case locked
        /// A name or path that leads to no experiment or run, or to several.
        case notFound
        /// Nothing fits what was searched for.
        case noMatch
        /// A folder's content contradicts what is asked for.
        case conflict
        /// Runs need more memory or disk space than there is.
        case tooLarge
        /// The system refused an operation before anything was started.
        case system
    }

    package var code: Code
    /// The file or folder it is about.
    package var path: String
    package var message: String
    package var remedy: String?

    package init(_ code: Code, path: String, message: String, remedy: String? = nil) {
        self.code = code
        self.path = path
        self.message = message
        self.remedy = remedy
    }

    package var description: String {
        "\(path): error: \(message)" + (remedy.map { "\n    → \($0)" } ?? "")
    }
}
