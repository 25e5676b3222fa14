/// What a spec may hold at most: far beyond what anyone writes, and little enough to be read within seconds.
package enum SpecBounds {
    /// Bytes of a spec's file.
    package static let fileBytes = 1 << 20
    /// Characters of a spec's text, if every alias were written out.
    package static let characters = 100_000_000
    /// Keys, values and lists of a spec, aliases replaced by what they stand for.
    package static let values = 100_000
    /// Groups and lists within each other.
    package static let depth = 64
    package static let axes = 100
    /// Arms of a grid, before `exclude` and `when` take some away.
    package static let arms = 10_000
    /// Runs: arms times seeds.
    package static let runs = 10_000

    /// At least as many characters as a YAML text has once each alias is replaced by what it stands for.
    ///
    /// What an anchor names ends before its first alias, so the text between the two is as much as it can stand for.
    static func writtenOut(_ text: String) -> Double {
        var total = 0.0
        var starts: [String: Double] = [:]
        var lengths: [String: Double] = [:]
        let bytes = Array(text.utf8)
        var place = 0
        while place < bytes.count {
            let sign = bytes[place]
            place += 1
            total += 1
            guard sign == UInt8(ascii: "&") || sign == UInt8(ascii: "*") else { continue }
            let name = String(decoding: bytes[place...].prefix(while: isAnchor), as: UTF8.self)
            place += name.utf8.count
            total += Double(name.utf8.count)
            if sign == UInt8(ascii: "&") {
                (starts[name], lengths[name]) = (total, nil)
            } else if let start = starts[name] {
                let length = lengths[name] ?? total - start
                lengths[name] = length
                total += length
            }
        }
        return total
    }

    /// Letters, digits, "_" and "-" make the name of an anchor.
    private static func isAnchor(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// Counts what is read of one YAML document.
final class SpecBudget {
    private var values = 0

    /// - Throws: `SpecErrors` with the place where a bound is passed.
    func take(_ location: SpecLocation, depth: Int) throws(SpecErrors) {
        values += 1
        if values > SpecBounds.values {
            throw SpecErrors([
                SpecError(
                    location,
                    "the spec holds more than \(SpecBounds.values) keys and values, once aliases (*name) are "
                        + "replaced by what they stand for",
                    remedy: "remove aliases of aliases, or split the spec ('inherit')")
            ])
        }
        if depth > SpecBounds.depth {
            throw SpecErrors([
                SpecError(
                    location, "groups and lists are nested more than \(SpecBounds.depth) deep",
                    remedy: "no key of a spec is nested that deeply: check brackets and aliases")
            ])
        }
    }
}
