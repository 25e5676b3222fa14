import Foundation
import Glibc

/// What is at the other end of a descriptor.
package enum Terminal {
    /// Whether it is a terminal that understands cursor movement.
    package static func canRedraw(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Whether it is a terminal that shows colours, and nobody asked for none (NO_COLOR, https://no-color.org).
    package static func hasColour(_ descriptor: Int32) -> Bool {
        canRedraw(descriptor) && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
    }

    /// Columns and rows of the terminal; 80 by 24 where it does not say.
    package static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Columns that text may take: COLUMNS where it is set to a positive number, else the terminal's.
    package static func textWidth(of descriptor: Int32) -> Int {
        let asked = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
        return asked.flatMap { $0 > 0 ? min($0, mostColumns) : nil } ?? size(of: descriptor).columns
    }

    /// No window is wider.
    private static let mostColumns = 10_000
}
