import ImageCodecs

extension DatasetError {
    /// An error about the bytes of a file with the file's name.
    package static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ImageError {
            throw DatasetError(
                place: path, problem: error.problem, remedy: error.remedy, isAboutBytes: error.isAboutBytes)
        }
    }
}
