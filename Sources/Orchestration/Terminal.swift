import Foundation
import Glibc

/// What is at the other end of a descriptor.
package enum Terminal {
    /// Whether it is a terminal that understands cursor movement.
    package static func canRedraw(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Columns and rows of the terminal; 80 by 24 where it does not say.
    package static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
