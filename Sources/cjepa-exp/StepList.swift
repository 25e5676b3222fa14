import ArgumentParser

/// Steps as `--batches` names them: "0,1,100-103".
enum StepList {
    /// Steps of one call.
    private static let most = 10_000

    /// - Returns: Each once, ascending; never empty.
    /// - Throws: `ValidationError` for what is no list of steps.
    static func read(_ text: String) throws -> [Int] {
        var steps: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(step)
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last else {
                throw ValidationError(
                    "--batches takes batch numbers and ranges, counted from 0, such as 0,1,100-103, not “\(part)”.")
            }
            guard last - first < most, steps.count < most else {
                throw ValidationError("--batches names more than \(most) batches; export them in several calls.")
            }
            steps.formUnion(first...last)
        }
        guard steps.count <= most else {
            throw ValidationError("--batches names \(steps.count) batches, more than \(most); use several calls.")
        }
        return steps.sorted()
    }

    private static func step(_ text: Substring) -> Int? {
        let digits = text.split(separator: " ").count == 1 ? text.filter { $0 != " " } : ""
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let step = Int(digits),
            OptionBounds.steps.contains(step)
        else { return nil }
        return step
    }
}
