/// A place in a spec: a file with line and column, or a command-line option.
package struct SpecLocation: Hashable, Sendable, CustomStringConvertible {
    /// Path of the file, or the option as it was given: "--set model.width=64".
    package var file: String
    /// From 1; none where the error concerns the whole file or an option.
    package var line: Int?
    package var column: Int?

    package init(file: String, line: Int? = nil, column: Int? = nil) {
        self.file = file
        self.line = line
        self.column = column
    }

    package var description: String {
        ([file] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":")
    }
}

/// One thing that is wrong with a spec: where, what, and what to do about it.
package struct SpecError: Error, Hashable, Sendable, CustomStringConvertible {
    package var location: SpecLocation
    /// "objective.vicreg.weight"; none where no key is concerned.
    package var keyPath: String?
    package var message: String
    /// The known name that is nearest to an unknown one.
    package var nearest: String?
    /// What to do.
    package var remedy: String?

    package init(
        _ location: SpecLocation, keyPath: String? = nil, _ message: String, nearest: String? = nil,
        remedy: String? = nil
    ) {
        self.location = location
        self.keyPath = keyPath
        self.message = message
        self.nearest = nearest
        self.remedy = remedy
    }

    package var file: String { location.file }
    package var line: Int? { location.line }
    package var column: Int? { location.column }

    package var description: String {
        var text = "\(location): "
        if let keyPath { text += "\(keyPath): " }
        text += message
        if let nearest { text += "; did you mean '\(nearest)'?" }
        if let remedy { text += "\n    → \(remedy)" }
        return text
    }
}

/// Everything that is wrong with a spec, in the order in which it was found.
package struct SpecErrors: Error, Hashable, Sendable, CustomStringConvertible {
    package var errors: [SpecError]

    package init(_ errors: [SpecError]) {
        self.errors = errors
    }

    package var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
