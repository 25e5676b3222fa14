/// Bytes that are no usable picture: what is wrong and what to do. The caller knows the file.
package struct ImageError: Error, Hashable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// Something else than a JPEG, PNG or WebP picture.
        case otherFormat
        /// The file ends before its picture does.
        case truncated
        case damaged
        /// A JPEG, PNG or WebP file of a kind that cannot be read.
        case unsupported
        /// Larger than `ImageLimits` allow.
        case tooLarge
        case noMemory
        /// What was asked for does not fit the picture.
        case request
    }

    package let kind: Kind
    /// Whether the bytes are at fault: another look at the same bytes would find the same.
    package var isAboutBytes: Bool {
        switch kind {
        case .otherFormat, .truncated, .damaged, .unsupported, .tooLarge: true
        case .noMemory, .request: false
        }
    }
    package let problem: String
    package let remedy: String

    package init(_ kind: Kind, _ problem: String, remedy: String? = nil) {
        self.kind = kind
        self.problem = problem
        self.remedy = remedy ?? kind.remedy
    }

    package var description: String { "\(problem); \(remedy)" }
}

extension ImageError.Kind {
    fileprivate var remedy: String {
        switch self {
        case .otherFormat: "convert it to JPEG, PNG or WebP, or remove it"
        case .truncated, .damaged: "copy or download it again, or remove it"
        case .unsupported: "convert it to an ordinary JPEG or PNG, or remove it"
        case .tooLarge: "raise the limit if the file can be trusted, or make the picture smaller"
        case .noMemory: "free memory and try again"
        case .request: "ask for what the picture has"
        }
    }
}
