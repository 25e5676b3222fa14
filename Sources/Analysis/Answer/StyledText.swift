import ExperimentSpec

/// How a piece of text is set on a terminal.
enum TextStyle: Hashable {
    case plain
    case strong
    case faint
    case good
    case bad
    case warning

    /// Parameter of the control sequence "select graphic rendition" (ECMA-48).
    fileprivate var code: String? {
        switch self {
        case .plain: nil
        case .strong: "1"
        case .faint: "2"
        case .good: "32"
        case .bad: "31"
        case .warning: "33"
        }
    }
}

/// One line of pieces of text.
struct StyledLine: Hashable {
    var pieces: [(text: String, style: TextStyle)] = []

    init(_ text: String = "", _ style: TextStyle = .plain) {
        if !text.isEmpty { pieces = [(text, style)] }
    }

    mutating func append(_ text: String, _ style: TextStyle = .plain) { pieces.append((text, style)) }

    var displayWidth: Int { pieces.reduce(0) { $0 + $1.text.displayWidth } }

    /// Without spaces at the end; at most `width` columns, where one is given.
    func text(isColoured: Bool, width: Int?) -> String {
        var pieces = self.pieces
        while let last = pieces.last {
            let trimmed = String(last.text.reversed().drop { $0 == " " }.reversed())
            pieces.removeLast()
            guard trimmed.isEmpty else {
                pieces.append((trimmed, last.style))
                break
            }
        }
        var room = width ?? .max
        var text = ""
        for piece in pieces {
            let shown = piece.text.shortened(to: max(1, room))
            guard room > 0 else { break }
            room -= shown.displayWidth
            if isColoured, let code = piece.style.code, shown.contains(where: { $0 != " " }) {
                text += "\u{1B}[\(code)m\(shown)\u{1B}[0m"
            } else {
                text += shown
            }
        }
        return text
    }

    static func == (first: StyledLine, second: StyledLine) -> Bool {
        first.pieces.elementsEqual(second.pieces) { $0 == $1 }
    }

    func hash(into hasher: inout Hasher) {
        for piece in pieces {
            hasher.combine(piece.text)
            hasher.combine(piece.style)
        }
    }
}

extension String {
    /// The text on one line, with nothing in it that would steer a terminal.
    var onOneLine: String {
        let visible = withVisibleControls
        guard visible.contains(where: { $0.isNewline || $0 == "\t" }) else { return visible }
        return visible.split(whereSeparator: { $0.isNewline || $0 == "\t" }).joined(separator: " ")
    }
}
