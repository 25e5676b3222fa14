/// A training row and its cosine with a test row.
struct Neighbour: Sendable, Hashable {
    let similarity: Float
    let index: Int

    /// Less similar, or equally similar and later.
    func isWorse(than other: Neighbour) -> Bool {
        similarity < other.similarity || (similarity == other.similarity && index > other.index)
    }
}

/// The most similar of the rows seen so far, at most `capacity`; of equally similar ones the earlier.
struct NeighbourHeap: Sendable {
    let capacity: Int
    /// A binary heap whose root is the worst.
    private var entries: [Neighbour] = []

    init(capacity: Int) {
        precondition(capacity > 0, "a heap of \(capacity) neighbours")
        self.capacity = capacity
        entries.reserveCapacity(capacity)
    }

    /// Offers finite similarities of consecutive rows, beginning with row `firstIndex`; calls go in ascending order.
    mutating func scan(_ similarities: UnsafeBufferPointer<Float>, firstIndex: Int) {
        var threshold = entries.count == capacity ? entries[0].similarity : -Float.infinity
        for (offset, similarity) in similarities.enumerated() where similarity > threshold {
            let neighbour = Neighbour(similarity: similarity, index: firstIndex + offset)
            if entries.count < capacity {
                entries.append(neighbour)
                siftUp()
            } else {
                entries[0] = neighbour
                siftDown()
            }
            if entries.count == capacity { threshold = entries[0].similarity }
        }
    }

    /// Best first.
    func sorted() -> [Neighbour] { entries.sorted { $1.isWorse(than: $0) } }

    private mutating func siftUp() {
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].isWorse(than: entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var worst = parent
            for child in (2 * parent + 1)..<(2 * parent + 3) where child < entries.count {
                if entries[child].isWorse(than: entries[worst]) { worst = child }
            }
            if worst == parent { return }
            entries.swapAt(parent, worst)
            parent = worst
        }
    }
}
