package import ImageCodecs

/// Where the bytes of encoded images are: files, members of shards, elements of an array.
package protocol EncodedFiles: Sendable {
    /// Number of images.
    var count: Int { get }

    /// What people call an image: its path relative to the data set's folder.
    func name(of image: Int) -> String
    /// Where an image lies, for messages.
    func place(of image: Int) -> String
    /// Adds names and sizes in bytes of all images, which stand for their contents.
    func add(to fingerprint: inout Fingerprint)
    /// Tells this state of the files from others in the same place: with their times.
    func addState(to fingerprint: inout Fingerprint)

    /// Bytes of an image's file, −1 where there is no file, and when it was last written to, nanoseconds since 1970, by which
    /// one state of it is told from another; none where that is not known.
    func state(of image: Int) -> (size: Int, modified: Int64)?

    /// Tells one state of an image's file from another; none where that is not known.
    func version(of image: Int) -> String?

    /// What the scan of a folder left out; none where the images are not from a folder.
    var notes: FolderNotes? { get }

    /// What to do about bytes that are no usable picture.
    func remedy(for error: ImageError) -> String

    /// Reads the bytes of an image to the front of `bytes`, which grows where it must.
    ///
    /// - Parameter limit: Most bytes of an image.
    /// - Returns: How many they are.
    /// - Throws: `DatasetError` for a file that is missing, larger, or not as it was when the data set was opened.
    func read(_ image: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int
}

extension EncodedFiles {
    package func remedy(for error: ImageError) -> String {
        switch error.kind {
        case .tooLarge: "raise data.max_pixels if the file can be trusted, or make the picture smaller"
        case .otherFormat, .truncated, .damaged, .unsupported: error.remedy + ", or set data.on_unreadable: skip"
        case .noMemory, .request: error.remedy
        }
    }

    package func state(of image: Int) -> (size: Int, modified: Int64)? { nil }
    package func version(of image: Int) -> String? { state(of: image).map { "\($0.size) \($0.modified)" } }
    package var notes: FolderNotes? { nil }

    /// A file is too large to be read.
    func tooLarge(_ image: Int, _ size: Int, limit: Int) -> DatasetError {
        DatasetError(
            place: place(of: image), problem: "has \(size) bytes, more than the limit of \(limit)",
            remedy: "raise data.max_bytes if the file can be trusted, or make the picture smaller", isAboutBytes: true)
    }
}
