/// A pattern over names: `*` any text, `?` one letter, anything else itself.
package struct GlobPattern: Hashable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package func matches(_ name: String) -> Bool {
        let (pattern, name) = (Array(text), Array(name))
        var (at, position) = (0, 0)
        // Where to go on if what follows the last star turns out not to match.
        var retry: (at: Int, position: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == "*" {
                retry = (at + 1, position)
                at += 1
            } else if at < pattern.count, pattern[at] == "?" || pattern[at] == name[position] {
                at += 1
                position += 1
            } else if let last = retry {
                retry = (last.at, last.position + 1)
                (at, position) = (last.at, last.position + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == "*" }
    }
}
