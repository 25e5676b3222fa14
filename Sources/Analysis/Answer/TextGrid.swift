import ExperimentSpec

/// Aligned columns, two spaces apart, that fit into a window: columns that can be narrower become so, then the least
/// important ones are left out.
struct TextGrid {
    struct Cell {
        var text: String
        var style = TextStyle.plain
        /// Stays behind a text that is shortened: references to notes.
        var suffix = ""

        var displayWidth: Int { text.displayWidth + suffix.displayWidth }
    }

    struct Column {
        enum Width {
            /// As wide as its widest cell.
            case natural
            /// Cells may be shortened in their middle, down to so many columns.
            case shortened(Int)
            /// Cells may be wrapped between words, into lines of so many columns or more.
            case wrapped(Int)
            /// Drawn as wide as there is room, within these widths: the second line of the title, and a text for each row.
            case drawn(ClosedRange<Int>, (Int) -> (title: String, cells: [String]))
        }

        /// For the note on columns that are left out.
        var name: String
        var titles: [String]
        var cells: [Cell]
        var isLeading = false
        var width = Width.natural
        /// The smallest is left out first.
        var importance: Int
        /// The greatest gets what room there is first; natural columns take none.
        var growth = 0
        /// Is left out without a word.
        var isOptional = false

        fileprivate var widest: Int {
            if case .drawn(let range, _) = width { return range.upperBound }
            return (titles.map(\.displayWidth) + cells.map(\.displayWidth)).max() ?? 0
        }

        /// Its width in a window where texts need not be shortened, but for very long ones.
        fileprivate func fair(of window: Int) -> Int {
            if case .shortened = width { return max(narrowest, min(widest, TextGrid.fairShare(of: window))) }
            return narrowest
        }

        private var longestWord: Int {
            cells.flatMap { $0.text.split(separator: " ") }.map { String($0).displayWidth }.max() ?? 0
        }

        fileprivate var narrowest: Int {
            let title = titles.map(\.displayWidth).max() ?? 0
            return switch width {
            case .natural: widest
            case .shortened(let least): min(widest, max(least, title))
            case .wrapped(let least): min(widest, max(least, title, longestWord))
            case .drawn(let range, _): range.lowerBound
            }
        }
    }

    /// What one text may take of a window while others lack room.
    fileprivate static func fairShare(of width: Int) -> Int { width / 4 }

    private(set) var columns: [Column]
    /// Names of the columns that had no room.
    private(set) var leftOut: [String] = []
    private var widths: [Int] = []

    private static let gap = 2

    /// - Parameters:
    ///   - columns: With equally many cells; columns without any text are dropped. The first always stays.
    ///   - width: Of the window; none: as wide as it likes.
    init(_ columns: [Column], width: Int?) {
        self.columns = columns.enumerated().filter { index, column in
            if index == 0 { return true }
            if case .drawn = column.width { return true }
            return column.cells.contains { !$0.text.isEmpty }
        }.map(\.element)
        guard let width else {
            widths = self.columns.map(\.widest)
            return
        }
        // What is optional goes before names are shortened.
        while Self.sum(self.columns.map { $0.fair(of: width) }) > width,
            let least = leastImportant(where: \.isOptional)
        {
            self.columns.remove(at: least)
        }
        while Self.sum(self.columns.map(\.narrowest)) > width, let least = leastImportant(where: { _ in true }) {
            leftOut.append(self.columns.remove(at: least).name)
        }
        widths = self.columns.map(\.narrowest)
        var room = width - Self.sum(widths)
        let growing = self.columns.indices.sorted { (self.columns[$1].growth, $0) < (self.columns[$0].growth, $1) }
        // One long text does not take all of it, unless there is enough.
        for limit in [Self.fairShare(of: width), .max] {
            for index in growing {
                let more = max(0, min(room, min(self.columns[index].widest, limit) - widths[index]))
                widths[index] += more
                room -= more
            }
        }
    }

    /// The last of the least important columns that are of a kind; never the first column.
    private func leastImportant(where isCandidate: (Column) -> Bool) -> Int? {
        columns.indices.dropFirst().filter { isCandidate(columns[$0]) }.min {
            (columns[$0].importance, $1) < (columns[$1].importance, $0)
        }
    }

    private static func sum(_ widths: [Int]) -> Int { widths.reduce(0, +) + gap * max(0, widths.count - 1) }

    /// The titles, then the rows.
    var lines: [StyledLine] {
        let drawn = zip(columns, widths).map { column, width -> (titles: [String], cells: [[Cell]]) in
            if case .drawn(_, let draw) = column.width {
                let (title, texts) = draw(width)
                let cells = zip(texts, column.cells).map { [Cell(text: $0, style: $1.style)] }
                return ([column.titles.first ?? "", title], cells)
            }
            return (column.titles, column.cells.map { Self.fitted($0, column.width, width) })
        }
        let titleLines = drawn.map { $0.titles.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0 }.max() ?? 0
        var lines = (0..<titleLines).map { line in
            joined(drawn.map { Cell(text: line < $0.titles.count ? $0.titles[line] : "", style: .strong) })
        }
        for row in drawn.first?.cells.indices ?? 0..<0 {
            let height = drawn.map { $0.cells[row].count }.max() ?? 1
            lines += (0..<height).map { line in
                joined(drawn.map { line < $0.cells[row].count ? $0.cells[row][line] : Cell(text: "") })
            }
        }
        return lines
    }

    private static func fitted(_ cell: Cell, _ kind: Column.Width, _ width: Int) -> [Cell] {
        guard cell.displayWidth > width else { return [cell] }
        if case .wrapped = kind {
            return cell.text.wrapped(to: width).map { Cell(text: $0, style: cell.style) }
        }
        let text = cell.text.shortenedInMiddle(to: width - cell.suffix.displayWidth)
        return [Cell(text: text, style: cell.style, suffix: cell.suffix)]
    }

    private func joined(_ cells: [Cell]) -> StyledLine {
        var line = StyledLine()
        for (index, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: max(0, widths[index] - cell.displayWidth))
            let gap = index == 0 ? "" : String(repeating: " ", count: Self.gap)
            line.append(columns[index].isLeading ? gap : gap + padding)
            line.append(cell.text, cell.style)
            line.append(cell.suffix, .faint)
            if columns[index].isLeading { line.append(padding) }
        }
        return line
    }
}
