/// Images of a source that cannot be read: found once, and kept until files change.
///
/// What is kept is named by names, sizes and times of all files and by the limits, so `data check`, runs that leave such
/// images out, and runs that refuse them go by the same list.
package enum UnreadableImages {
    package struct Entry: Codable, Hashable, Sendable {
        /// Place in the source.
        package let image: Int
        package let problem: String

        package init(image: Int, problem: String) { (self.image, self.problem) = (image, problem) }
    }

    private static let kind = "unreadable"

    private static func key(of source: EncodedImages) -> Fingerprint {
        var key = source.fingerprint
        source.files.addState(to: &key)
        key.add("\(source.decoding.maximumPixels) \(source.decoding.maximumBytes)")
        return key
    }

    private static func isValid(_ entries: [Entry], count: Int) -> Bool {
        entries.allSatisfy { (0..<count).contains($0.image) }
    }

    /// What an earlier look at all files in their present state found; none where there was none.
    package static func known(in source: EncodedImages) -> [Entry]? {
        let entries: [Entry]? = ScanCache.standard.load(kind, key(of: source))
        return entries.flatMap { isValid($0, count: source.count) ? $0 : nil }
    }

    /// Keeps what a look at all files found.
    package static func keep(_ entries: [Entry], of source: EncodedImages) {
        ScanCache.standard.save(entries, kind, key(of: source))
    }

    /// Decodes all images, where that was not done before.
    ///
    /// - Throws: `DatasetError` for an image that could not be read for another reason than its bytes, such as a disk that is
    ///   gone: it may be there tomorrow, so nothing is left out and nothing kept.
    static func find(
        in source: EncodedImages, progress: (@Sendable (String, Int, Int) -> Void)?
    ) throws -> [Entry] {
        let count = source.count
        return try ScanCache.standard.value(kind, key(of: source), isValid: { isValid($0, count: count) }) {
            progress?("looking for images of \(count) that cannot be read", 0, count)
            let told = progress.map { progress in { @Sendable in progress("", 1, count) } }
            let found = ImageScan.read(
                source, images: Array(0..<Int32(count)), progress: told, zero: 0, { _, _, _ in }, combine: { _, _ in })
            if let other = found.failures.first(where: { !$0.error.isAboutBytes }) { throw other.error }
            return found.failures.map { Entry(image: $0.place, problem: $0.error.problem) }
        }
    }
}
