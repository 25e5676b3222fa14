/// What is to be said of a run's file of results, beside what it holds.
package enum ResultsRemark: Hashable, Sendable {
    /// The run counts as missing; file, damage and remedy in one line.
    case damaged(String)
    /// The file is read, but nothing tells whether it is what was written.
    case unverified(file: String)

    /// Of a file that was opened; none where it agrees with its checksum.
    package init?(_ file: RunFile) {
        if file.isVerified { return nil }
        self = .unverified(file: file.path)
    }
}

/// Remarks as a command gathers and prints them: one line for each damaged file, one for all that carry no checksum.
package struct ResultsRemarks: Sendable {
    private var damaged: [String] = []
    private var unverified: [String] = []

    package init() {}

    /// Adds a remark; the same one counts once.
    package mutating func add(_ remark: ResultsRemark) {
        switch remark {
        case .damaged(let text): if !damaged.contains(text) { damaged.append(text) }
        case .unverified(let file): if !unverified.contains(file) { unverified.append(file) }
        }
    }

    package var hasDamage: Bool { !damaged.isEmpty }

    package var lines: [String] {
        guard let first = unverified.first else { return damaged }
        let others = unverified.count == 1 ? "" : " and \(unverified.count - 1) more"
        return damaged + ["\(first)\(others): written by an earlier version without a checksum, read unverified"]
    }
}
