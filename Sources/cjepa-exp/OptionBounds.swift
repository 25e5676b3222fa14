import ArgumentParser

/// What numbers of the command line may be: as much as the same keys of a spec, and no more than can be meant.
enum OptionBounds {
    /// Threads, workers, ranks and shards, as in `resources`.
    static let parallelism = 1...1024
    /// Sides, widths, images of a batch: what they have to do with each other is checked with the configuration.
    static let sizes = 1...1_000_000
    /// Steps of a training, from 0.
    static let steps = 0...1_000_000_000
    /// Steps or batches that are computed while somebody waits.
    static let repetitions = 1...100_000
    /// Images in a picture, below each other.
    static let rows = 1...256
    static let lines = 0...1_000_000_000
    /// A week.
    static let seconds = 0.001...604_800.0

    /// - Throws: `ValidationError` with the bound that a number does not keep.
    static func check(_ value: Int?, _ name: String, in range: ClosedRange<Int>) throws {
        guard let value else { return }
        if value < range.lowerBound {
            throw ValidationError("\(name) must be at least \(range.lowerBound), but is \(value).")
        }
        if value > range.upperBound {
            throw ValidationError("\(name) must be at most \(range.upperBound), but is \(value).")
        }
    }

    /// - Throws: `ValidationError` for what is no number of seconds to wait.
    static func check(seconds: Double?, _ name: String, in range: ClosedRange<Double> = OptionBounds.seconds) throws {
        guard let seconds, !range.contains(seconds) else { return }
        throw ValidationError(
            "\(name) must be from \(range.lowerBound) to \(range.upperBound) seconds, but is \(seconds).")
    }
}
