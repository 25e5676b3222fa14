/// Faults of the arms of a matrix. Each is told once, with the arms that have it.
struct ArmFaults {
    /// What makes two faults one: their place and their words, but for the numbers.
    private struct Kind: Hashable {
        let location: SpecLocation
        let keyPath: String?
        let words: String
    }

    private struct Fault {
        let error: SpecError
        var arms: [String]
        /// Whether all arms have it with the same numbers.
        var isSame = true
    }

    private let armCount: Int
    private var faults: [Fault] = []
    private var indices: [Kind: Int] = [:]

    init(armCount: Int) {
        self.armCount = armCount
    }

    mutating func add(_ error: SpecError, of arm: String) {
        let words = error.message.filter { !$0.isNumber && $0 != "." }
        let kind = Kind(location: error.location, keyPath: error.keyPath, words: words)
        if let index = indices[kind] {
            faults[index].isSame = faults[index].isSame && faults[index].error == error
            if faults[index].arms.last != arm { faults[index].arms.append(arm) }
        } else {
            indices[kind] = faults.count
            faults.append(Fault(error: error, arms: [arm]))
        }
    }

    /// - Parameter ofAllOnly: Whether to leave out those that only some arms have.
    func errors(ofAllOnly: Bool) -> [SpecError] {
        faults.filter { !ofAllOnly || $0.arms.count == armCount }.map { fault in
            var error = fault.error
            error.message += whose(fault)
            return error
        }
    }

    private func whose(_ fault: Fault) -> String {
        let arms = fault.arms
        if !fault.isSame {
            return " (arm \(arms[0]); similarly in \(counted(arms.count - 1, "other")) of the \(armCount) arms)"
        }
        if arms.count == armCount { return "" }
        return arms.count == 1
            ? " (arm \(arms[0]))" : " (\(arms.count) of \(armCount) arms: \(listed(arms, most: 3)))"
    }
}
