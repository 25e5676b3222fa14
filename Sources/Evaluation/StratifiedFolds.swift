import TensorCore

/// Rows dealt out to folds such that every fold has as good as the same share of every class.
struct StratifiedFolds: Sendable {
    /// All rows, fold by fold, ascending within each.
    let order: [Int]
    /// Where each fold lies in `order`.
    let ranges: [Range<Int>]

    /// The rows of each class in a seeded order, dealt out one after the other; the next class goes on where one ends.
    init(labels: [Int32], classes: Int, count: Int, seed: UInt64) {
        var rowsOfClass = [[Int]](repeating: [], count: classes)
        for (row, label) in labels.enumerated() { rowsOfClass[Int(label)].append(row) }
        var folds = [[Int]](repeating: [], count: count)
        var next = 0
        for label in rowsOfClass.indices {
            var stream = RandomStream(seed: seed, purpose: .probe, epoch: label, sample: 2)
            stream.shuffle(&rowsOfClass[label])
            for row in rowsOfClass[label] {
                folds[next % count].append(row)
                next += 1
            }
        }
        var (order, ranges) = ([Int](), [Range<Int>]())
        for fold in folds {
            ranges.append(order.count..<order.count + fold.count)
            order += fold.sorted()
        }
        self.order = order
        self.ranges = ranges
    }
}
