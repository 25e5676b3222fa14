import Diagnostics
import Dispatch
import TensorCore

package import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Classification by weighted votes of the nearest training images, as DINO does it (Caron et al., ICCV 2021).
///
/// Features are L2-normalised; each of the k training images of largest cosine votes for its class with
/// exp(cosine / temperature). Of equally similar images the earlier counts first, of equal sums the lower class wins.
package struct NearestNeighbours: Sendable {
    /// Test and training rows of one product.
    private static let testBlock = 256
    private static let trainBlock = 2048

    /// Every k, in the order of the results.
    package let neighbours: [Int]
    package let temperature: Double

    package init(neighbours: [Int], temperature: Double = 0.07) {
        precondition(neighbours.allSatisfy { $0 > 0 }, "numbers of neighbours \(neighbours) must be positive")
        precondition(temperature > 0, "temperature \(temperature) must be positive")
        self.neighbours = neighbours
        self.temperature = temperature
    }

    /// The share of test images whose class is found, for every k that does not exceed the training images.
    ///
    /// - Parameters:
    ///   - threads: Parts of the test set are worked on at once; the result does not depend on it.
    /// - Returns: NaN and no predictions for each k if a feature is not finite or there is no test image.
    package func accuracies<Backend: KernelBackend>(
        of features: ProbeFeatures, labels: ProbeLabels, on backend: Backend, threads: Int = 1
    ) -> [NeighbourResult] {
        labels.check(features)
        let counts = neighbours.filter { $0 <= features.train.rows }
        guard let largest = counts.max() else { return [] }
        guard features.isFinite, features.test.rows > 0, features.test.columns > 0 else {
            return counts.map { NeighbourResult(neighbours: $0, accuracy: .nan, predictions: []) }
        }
        let votes = Votes(counts: counts, temperature: temperature, labels: labels.train, classes: labels.classes)
        let train = backend.tensor(Self.normalized(features.train), Shape(features.train.rows, features.train.columns))
        let test = backend.tensor(Self.normalized(features.test), Shape(features.test.rows, features.test.columns))
        let predictions = HostBuffer<Int32>(count: counts.count * features.test.rows)
        let blocks = (features.test.rows + Self.testBlock - 1) / Self.testBlock
        let workers = max(1, min(threads, blocks))
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            let scratch = backend.zeros(Shape(Self.testBlock * Self.trainBlock))
            for block in stride(from: worker, to: blocks, by: workers) {
                let rows = block * Self.testBlock..<min((block + 1) * Self.testBlock, features.test.rows)
                let heaps = Self.nearest(largest, to: test.slice(rows), in: train, scratch: scratch, on: backend)
                for (row, heap) in zip(rows, heaps) {
                    votes.predict(heap.sorted(), into: predictions, at: row * counts.count)
                }
            }
        }
        return counts.enumerated().map { position, count in
            let classes = labels.test.indices.map { predictions[$0 * counts.count + position] }
            let right = labels.test.indices.count { classes[$0] == labels.test[$0] }
            return NeighbourResult(
                neighbours: count, accuracy: Double(right) / Double(labels.test.count), predictions: classes)
        }
    }

    /// The nearest training rows of each test row.
    ///
    /// - Parameters: test [m, D] with m ≤ `testBlock`, train [n, D], scratch [testBlock · trainBlock].
    private static func nearest<Backend: KernelBackend>(
        _ count: Int, to test: Tensor<Backend>, in train: Tensor<Backend>, scratch: Tensor<Backend>,
        on backend: Backend
    ) -> [NeighbourHeap] {
        var heaps = Array(repeating: NeighbourHeap(capacity: count), count: test.shape[0])
        for start in stride(from: 0, to: train.shape[0], by: trainBlock) {
            let part = train.slice(start..<min(start + trainBlock, train.shape[0]))
            let width = part.shape[0]
            let product = scratch.window(at: 0, Shape(heaps.count, width))
            backend.multiply(test, transposed: false, part, transposed: true, alpha: 1, beta: 0, to: product)
            backend.floats(of: product).withUnsafeBufferPointer { similarities in
                for row in heaps.indices {
                    heaps[row].scan(
                        UnsafeBufferPointer(rebasing: similarities[row * width..<(row + 1) * width]), firstIndex: start)
                }
            }
        }
        return heaps
    }

    /// The rows divided by max(norm, 1e-12), row-major.
    private static func normalized(_ features: FeatureMatrix) -> [Float] {
        var values = features.values
        for row in 0..<features.rows {
            var squares = 0.0
            for i in row * features.columns..<(row + 1) * features.columns {
                squares += Double(values[i]) * Double(values[i])
            }
            let factor = 1 / max(squares.squareRoot(), 1e-12)
            for i in row * features.columns..<(row + 1) * features.columns {
                values[i] = Float(Double(values[i]) * factor)
            }
        }
        return values
    }
}

/// What the votes of k neighbours reach.
package struct NeighbourResult: Sendable, Hashable {
    /// k.
    package let neighbours: Int
    /// Share of the test images whose class is found.
    package let accuracy: Double
    /// The class that each test image is given, [n_test].
    package let predictions: [Int32]
}

/// Turns the neighbours of a test row into a class for every k.
private struct Votes: Sendable {
    let counts: [Int]
    let temperature: Double
    let labels: [Int32]
    let classes: Int

    /// Writes `counts.count` classes from `position` on.
    func predict(_ neighbours: [Neighbour], into predictions: HostBuffer<Int32>, at position: Int) {
        guard let nearest = neighbours.first else { return }
        var sums = [Double](repeating: 0, count: classes)
        // All weights share the factor exp(−largest / T), which keeps them finite at any temperature.
        let largest = Double(nearest.similarity)
        for (rank, neighbour) in neighbours.enumerated() {
            sums[Int(labels[neighbour.index])] += exp((Double(neighbour.similarity) - largest) / temperature)
            for (slot, count) in counts.enumerated() where count == rank + 1 {
                var best = 0
                for label in 1..<max(classes, 1) where sums[label] > sums[best] { best = label }
                predictions[position + slot] = Int32(best)
            }
        }
    }
}
