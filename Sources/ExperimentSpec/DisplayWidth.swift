/// Text as wide as a terminal shows it.
extension String {
    /// Columns that the text takes: two for each wide character of East Asian scripts and pictures, none for marks that
    /// combine with the letter before.
    package var displayWidth: Int {
        utf8.allSatisfy { $0 < 0x80 } ? utf8.count : reduce(0) { $0 + $1.displayWidth }
    }

    /// The beginning, with "…" where the text is wider than `width` (at least 1).
    package func shortened(to width: Int) -> String {
        let width = max(1, width)
        guard displayWidth > width else { return self }
        return beginning(of: width - 1) + "…"
    }

    /// Beginning and end, with "…" between them where the text is wider than `width` (at least 1).
    package func shortenedInMiddle(to width: Int) -> String {
        let width = max(1, width)
        guard displayWidth > width else { return self }
        let end = String(reversed()).beginning(of: (width - 1) / 2)
        return beginning(of: width - 1 - end.displayWidth) + "…" + String(end.reversed())
    }

    /// The text in lines of at most `width` columns (at least 1), broken at spaces; a word that is wider is broken inside.
    package func wrapped(to width: Int) -> [String] {
        let width = max(1, width)
        var lines: [String] = []
        var line = ""
        var room = width
        for word in split(separator: " ").map(String.init) {
            var word = word
            var size = word.displayWidth
            let gap = line.isEmpty ? 0 : 1
            if size + gap <= room {
                line += (gap == 1 ? " " : "") + word
                room -= size + gap
                continue
            }
            if !line.isEmpty { lines.append(line) }
            while size > width {
                let part = word.beginning(of: width)
                // A wide character in a single column: it is shown all the same.
                guard !part.isEmpty else { break }
                lines.append(part)
                word.removeFirst(part.count)
                size -= part.displayWidth
            }
            (line, room) = (word, width - size)
        }
        return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
    }

    /// As many characters as fit into `width` columns.
    private func beginning(of width: Int) -> String {
        var room = width
        return String(
            prefix { character in
                room -= character.displayWidth
                return room >= 0
            })
    }
}

extension Character {
    fileprivate var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if first.value < 0x300 { return 1 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        let isPicture = first.properties.isEmojiPresentation || unicodeScalars.contains { $0.value == 0xFE0F }
        return isPicture || Self.wide.contains { $0.contains(first.value) } ? 2 : 1
    }

    /// Blocks of wide characters (East_Asian_Width W and F).
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1B000...0x1B2FF,
        0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]
}
