/// The known name that needs the fewest edits to become `name`; none where even that is mostly other letters.
package func nearestName(to name: String, among known: some Sequence<String>) -> String? {
    // Nothing that long is a slip of the fingers.
    guard name.utf8.count <= 200 else { return nil }
    let best = known.map { (distance: editDistance(name, $0), name: $0) }.min { $0 < $1 }
    guard let best, best.distance * 2 <= max(name.count, 2) else { return nil }
    return best.name
}

/// Names for a message: "a, b, c and 40 more".
func listed(_ names: [String], most: Int = 20) -> String {
    names.prefix(most).joined(separator: ", ") + (names.count > most ? " and \(names.count - most) more" : "")
}

/// Levenshtein distance, where two neighbouring letters that changed places count as one edit.
func editDistance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first), Array(second))
    var beforePrevious: [Int] = []
    var previous = Array(0...second.count)
    for row in first.indices {
        var current = [row + 1]
        for column in second.indices {
            var cost = min(
                previous[column + 1] + 1, current[column] + 1,
                previous[column] + (first[row] == second[column] ? 0 : 1))
            if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                cost = min(cost, beforePrevious[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[second.count]
}
