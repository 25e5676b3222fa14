/// What a scan of a folder left out or found odd.
package struct FolderNotes: Hashable, Sendable, Codable {
    /// How many, and the first few.
    package struct Tally: Hashable, Sendable, Codable {
        package var count = 0
        package var examples: [String] = []

        mutating func add(_ example: @autoclosure () -> String) {
            count += 1
            if examples.count < 5 { examples.append(example()) }
        }
    }

    /// Files and folders whose names begin with a dot (`.DS_Store`, `._x.JPEG`, `.ipynb_checkpoints`): left out.
    package var hidden = Tally()
    /// Files without the extension of an image: left out.
    package var others = Tally()
    /// Links to nothing, links back to a folder they lie in, pipes, names that are no UTF-8: left out.
    package var unusable = Tally()
    /// Images by the extension of their names, in lower case.
    package var extensions: [String: Int] = [:]
    /// Classes without any image; they keep their numbers.
    package var emptyClasses: [String] = []

    package init() {}
}

/// The extensions by which torchvision's ImageFolder knows images.
enum ImageExtension {
    static let names = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp"]
    private static let codes = names.map { code($0.utf8[...]) }

    /// Which of `names` a name of a file ends with, in upper or lower case; nil for none.
    static func index(_ name: ArraySlice<UInt8>) -> Int? {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), name.endIndex - dot <= 6 else { return nil }
        let code = code(name[(dot + 1)...])
        return codes.firstIndex(of: code)
    }

    private static func code(_ text: some Collection<UInt8>) -> UInt64 {
        text.reduce(0) { $0 << 8 | UInt64($1 >= 0x41 && $1 <= 0x5A ? $1 | 0x20 : $1) }
    }
}
