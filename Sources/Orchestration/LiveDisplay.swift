import ExperimentSpec

/// Lines at the bottom of a terminal that are redrawn in place.
///
/// A frame is one string that moves the cursor to the first line of the last frame, overwrites each line and then
/// clears what is left of it: nothing is blank in between, so nothing flickers.
package struct LiveDisplay: Sendable {
    private static let escape = "\u{1B}["
    private var drawnLines = 0

    package init() {}

    /// A frame with these lines, each cut to `columns` characters, at most `rows` − 1 of them; the last line is kept.
    package mutating func frame(_ lines: [String], columns: Int, rows: Int) -> String {
        let fitted = Self.fit(lines, rows: rows).map { Self.cut($0.withVisibleControls, to: columns - 1) }
        var text = start
        for line in fitted { text += line + Self.escape + "K\n" }
        if fitted.count < drawnLines { text += Self.escape + "J" }
        drawnLines = fitted.count
        return text
    }

    /// A message that stays, above the frame, which has to be drawn again after it.
    package mutating func message(_ text: String) -> String {
        defer { drawnLines = 0 }
        return start + Self.escape + "J" + text.withVisibleControls + "\n"
    }

    /// Removes the frame.
    package mutating func end() -> String {
        defer { drawnLines = 0 }
        return drawnLines > 0 ? start + Self.escape + "J" : ""
    }

    private var start: String {
        drawnLines > 0 ? "\r" + Self.escape + "\(drawnLines)A" : "\r"
    }

    private static func fit(_ lines: [String], rows: Int) -> [String] {
        let room = max(1, rows - 1)
        guard lines.count > room, let last = lines.last else { return lines }
        guard room > 2 else { return [last] }
        let shown = lines.prefix(room - 2)
        return shown + ["… and \(lines.count - 1 - shown.count) more", last]
    }

    static func cut(_ line: String, to width: Int) -> String {
        line.shortened(to: width)
    }
}
