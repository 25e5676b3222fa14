import ExperimentSpec
import Foundation
import Glibc
import Synchronization

/// Says on standard error what a command is doing while somebody waits for it: a line that is redrawn on a terminal, and
/// elsewhere a line for each thing that takes its time. What is done at once is not mentioned.
///
/// A thread of its own looks after it, so that it speaks in time whatever the command is busy with.
package final class Activity: Sendable {
    /// Says nothing.
    package static let silent = Activity(style: .silent)

    private struct State {
        var line: ActivityLine
        /// Whether the thread is there.
        var isWatched = false
    }

    private let state: Mutex<State>

    /// Seconds between two looks.
    private static let tickSeconds = 0.1

    private init(style: ActivityLine.Style) {
        state = Mutex(State(line: ActivityLine(style: style)))
    }

    package static func standardError() -> Activity {
        Activity(style: Terminal.canRedraw(STDERR_FILENO) ? .live : .plain)
    }

    /// What is done from now on, "reading 12 runs".
    ///
    /// - Parameters:
    ///   - total: How much `advance` will be called for; nil where that is not counted.
    ///   - isRated: Whether to say how fast it goes and how long it will take; elsewhere than on a terminal, from time to
    ///     time.
    package func begin(_ text: String, of total: Int? = nil, isRated: Bool = false) {
        let needsThread = state.withLock { state in
            guard state.line.style != .silent else { return false }
            state.line.begin(text, of: total, isRated: isRated, at: Self.now)
            defer { state.isWatched = true }
            return !state.isWatched
        }
        if needsThread { Thread.detachNewThread { self.watch() } }
    }

    /// One more of the total is done, or `count` more.
    package func advance(by count: Int = 1) { state.withLock { $0.line.advance(by: count) } }

    /// Nothing is done that takes long, until the next `begin`.
    package func end() { state.withLock { Self.write($0.line.end()) } }

    /// Writes something else to the terminal, which the line gives way to.
    package func interrupt(_ body: () -> Void) {
        state.withLock { state in
            Self.write(state.line.giveWay())
            body()
        }
    }

    private func watch() {
        while true {
            usleep(UInt32(Self.tickSeconds * 1e6))
            let goesOn = state.withLock { state in
                Self.write(state.line.tick(at: Self.now, columns: Terminal.size(of: STDERR_FILENO).columns))
                state.isWatched = state.line.isActive
                return state.isWatched
            }
            if !goesOn { return }
        }
    }

    private static var now: Double { SteadyClock.now.timeIntervalSinceReferenceDate }

    private static func write(_ text: String) {
        if !text.isEmpty { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
    }
}

/// When what is said of an activity; every function returns what to write.
struct ActivityLine {
    enum Style {
        case live, plain, silent
    }

    let style: Style
    private var text: String?
    private var total: Int?
    private var done = 0
    private var isRated = false
    /// When the plain style last said how far it is.
    private var rated = 0.0
    /// When this activity began, and the first one since nothing was done.
    private var began = 0.0
    private var firstBegan = 0.0
    /// Whether it is in the terminal's last line; elsewhere, whether it was written.
    private var isShown = false
    /// Whether anything was said since `firstBegan`.
    private var hasSpoken = false

    /// An activity shorter than this is worth no word, unless others before it have kept the user waiting.
    static let shortSeconds = 0.4
    /// So long nobody waits without a word.
    static let silentSeconds = 0.7

    /// Elsewhere than on a terminal, a line so often.
    static let ratedSeconds = 30.0

    private static let clearing = "\r\u{1B}[K"

    init(style: Style) { self.style = style }

    var isActive: Bool { text != nil }

    mutating func begin(_ text: String, of total: Int?, isRated: Bool = false, at now: Double) {
        (self.isRated, rated) = (isRated, now)
        if !isActive { (firstBegan, hasSpoken) = (now, false) }
        (self.text, self.total, done, began) = (text, total, 0, now)
        if style == .plain { isShown = false }
    }

    mutating func advance(by count: Int = 1) { done += count }

    mutating func tick(at now: Double, columns: Int) -> String {
        guard let text else { return "" }
        let isDue = now - began >= Self.shortSeconds || (!hasSpoken && now - firstBegan >= Self.silentSeconds)
        switch style {
        case .silent:
            return ""
        case .plain:
            if isShown, isRated, now - rated >= Self.ratedSeconds, let total {
                rated = now
                return "\(text.withVisibleControls): \(done) of \(total)\(rate(at: now))\n"
            }
            guard isDue, !isShown else { return "" }
            (isShown, hasSpoken) = (true, true)
            return text.withVisibleControls + " …\n"
        case .live:
            guard isDue || hasSpoken else { return "" }
            (isShown, hasSpoken) = (true, true)
            let count = total.map { ": \(done) of \($0)\(rate(at: now))" } ?? " …"
            return "\r" + LiveDisplay.cut(text.withVisibleControls + count, to: columns - 1) + "\u{1B}[K"
        }
    }

    /// How fast it goes and how long it will take, once that can be said.
    private func rate(at now: Double) -> String {
        let seconds = now - began
        guard isRated, let total, done > 0, seconds >= 1 else { return "" }
        let rate = Double(done) / seconds
        let left = Quantity.duration(Double(max(0, total - done)) / rate)
        return ", \(Quantity.significant(rate))/s, \(left) left"
    }

    /// Makes room for a message; the next `tick` draws the line again.
    mutating func giveWay() -> String {
        guard style == .live, isShown else { return "" }
        isShown = false
        return Self.clearing
    }

    mutating func end() -> String {
        text = nil
        return giveWay()
    }
}
