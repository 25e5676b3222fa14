import ExperimentSpec
import Foundation
import Orchestration

/// The one place where commands write to standard output and standard error. Control characters of what they print,
/// which comes from files and from workers, are made visible.
enum Console {
    /// What the command is doing, for whoever waits.
    static let activity = Activity.standardError()

    /// Says what the command does from now on, if that takes long; `total`: how often `activity` advances.
    static func begin(_ text: String, of total: Int? = nil) { activity.begin(text, of: total) }

    /// The same, with how fast it goes and how long it will take.
    static func beginRated(_ text: String, of total: Int) { activity.begin(text, of: total, isRated: true) }

    /// Shows what is done with all images of a data set, as `ModelInput.progress` tells it.
    @Sendable static func scanning(_ action: String, done: Int, all: Int) {
        if done == 0 { begin(action, of: all) } else { activity.advance() }
    }

    /// Writes a message to standard error.
    static func note(_ text: String) {
        activity.interrupt { write(text + "\n", to: .standardError) }
    }

    /// Writes text to standard output as it is but for control characters.
    static func write(_ text: String) {
        activity.end()
        write(text, to: .standardOutput)
    }

    /// Writes text to standard output that is visible already and may hold colours.
    static func write(visible text: String) {
        activity.end()
        draw(text)
    }

    /// Writes a frame, whose lines are visible text and whose other characters move the cursor.
    static func draw(_ frame: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(frame.utf8))
    }

    private static func write(_ text: String, to file: FileHandle) {
        // A reader that is gone has seen what it wanted.
        try? file.write(contentsOf: Data(text.withVisibleControls.utf8))
    }
}

/// Takes the place of Swift's `print` in all commands: prints results through `Console`.
func print(_ text: String, terminator: String = "\n") {
    Console.write(text + terminator)
}
