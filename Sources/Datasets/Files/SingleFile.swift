package import ImageCodecs

/// An encoded image whose path is given by hand, rather than by a data set.
package struct SingleFile: EncodedFiles {
    let path: String

    package init(path: String) { self.path = path }

    package var count: Int { 1 }
    package func name(of image: Int) -> String { path }
    package func place(of image: Int) -> String { path }
    package func add(to fingerprint: inout Fingerprint) { fingerprint.add(path) }
    package func addState(to fingerprint: inout Fingerprint) {}

    package func remedy(for error: ImageError) -> String {
        error.kind == .tooLarge
            ? "make the picture smaller; if it can be trusted, give a spec that sets data.max_pixels" : error.remedy
    }

    package func read(_ image: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int {
        let file = try PositionalFile(path: path, remedy: "give the path of a picture that is there")
        guard file.size <= limit else {
            throw file.failure("has \(file.size) bytes, more than the limit of \(limit)")
        }
        try file.read(at: 0, count: file.size, toFrontOf: &bytes)
        return file.size
    }
}
