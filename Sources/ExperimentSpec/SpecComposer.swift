import Yams

/// Composes a YAML text although keys stand twice in a group, where Yams gives up at the first.
///
/// The earlier of two equal keys gets another first letter, and the text is composed again; all places stay the same.
struct SpecComposer {
    /// A line and a column, from 1.
    struct Place: Hashable {
        let line: Int
        let column: Int

        init(_ mark: Mark) {
            line = mark.line
            column = mark.column
        }
    }

    /// Letters for private use, one for each repeated key that is looked for: each takes another pass over the text.
    private static let masks = (0..<20 as Range<UInt32>).compactMap { Unicode.Scalar(0xE000 + $0) }

    private var text: String
    /// Places of keys that stand again further down in the same group.
    private(set) var repeated: Set<Place> = []

    init(_ text: String) {
        self.text = text
    }

    /// A key without its first letter: what is left of a repeated one.
    static func unmasked(_ key: String) -> String {
        String(String.UnicodeScalarView(key.unicodeScalars.dropFirst()))
    }

    /// - Throws: `YamlError`; for repeated keys only where they are too many or too odd to be told apart.
    mutating func compose() throws -> Node? {
        while true {
            do {
                return try Yams.compose(yaml: text)
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                guard repeated.count < Self.masks.count, let name = names.first, mask(name, at: context.mark) else {
                    throw YamlError.duplicatedKeysInMapping(duplicates: names, context: context)
                }
            }
        }
    }

    /// Changes the first letter of the key at a place; false where it is written otherwise than it reads.
    private mutating func mask(_ name: String, at mark: Mark) -> Bool {
        var scalars = Array(text.unicodeScalars)
        guard let first = name.unicodeScalars.first, !Self.masks.contains(first),
            var offset = Self.offset(of: mark, in: scalars)
        else { return false }
        if scalars[offset] == "\"" || scalars[offset] == "'" { offset += 1 }
        guard offset < scalars.count, scalars[offset] == first else { return false }
        scalars[offset] = Self.masks[repeated.count]
        text = String(String.UnicodeScalarView(scalars))
        return repeated.insert(Place(mark)).inserted
    }

    /// Where a line and a column are; lines end as YAML's do.
    private static func offset(of mark: Mark, in scalars: [Unicode.Scalar]) -> Int? {
        var line = 1
        var offset = 0
        while line < mark.line, offset < scalars.count {
            switch scalars[offset] {
            case "\r" where offset + 1 < scalars.count && scalars[offset + 1] == "\n": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": line += 1
            default: break
            }
            offset += 1
        }
        // A byte order mark is no character of the first line.
        if mark.line == 1, scalars.first == "\u{FEFF}" { offset += 1 }
        offset += mark.column - 1
        return offset < scalars.count ? offset : nil
    }
}
