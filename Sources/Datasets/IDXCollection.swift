package import Declarations

/// Four IDX files of one's own, gzipped or not.
package struct IDXCollection: IDXFolder {
    package static let name = "idx"
    package static let summary = "four IDX files of images of one size, gzipped or not, in data.folder"
    static let usualFolder = "."

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let remedyForMissingFiles = "set data.folder and the names of the four files"
}
