import Evaluation

/// How many images, and how large ones, the probes of raw pixels look at.
///
/// They hold all pixels as floats. Up to 8 GiB it is the images of the evaluation at the model's size; beyond that images are
/// made smaller, by halves and down to 28 pixels or so, and if that is not enough fewer are taken. No result depends on
/// the machine.
package struct FloorsSize: Sendable, Hashable {
    /// Side of an image, pixels.
    package let side: Int
    package let trainImages: Int
    package let testImages: Int
    /// Memory that probes take, on so many threads as the configuration says.
    package let bytes: Int

    private static let limit = 8.0 * 1_073_741_824
    private static let leastSide = 28

    /// - Parameters:
    ///   - trainImages: That the evaluation looks at, and `testImages`.
    package init(_ configuration: RunConfiguration, trainImages: Int, testImages: Int, classes: Int) {
        let model = configuration.model
        let tasks = configuration.evaluationTasks.filter(\.declaration.hasFloor)
        func bytes(side: Int, train: Int, test: Int, threads: Int) -> Double {
            // A single layer, whose features are the pixels.
            let sizes = EvaluationSizes(
                trainImages: train, testImages: test, width: model.channels * side * side, depth: 1, classes: classes)
            let probes = tasks.map { $0.task.elements(sizes, threads: threads) }.max() ?? 0
            return 4 * (2 * sizes.images * Double(sizes.width) + probes)
        }
        var side = model.imageSize
        while bytes(side: side, train: trainImages, test: testImages, threads: 1) > Self.limit,
            side / 2 >= Self.leastSide
        {
            side /= 2
        }
        var (train, test) = (trainImages, testImages)
        let needed = bytes(side: side, train: train, test: test, threads: 1)
        if needed > Self.limit {
            let heads = bytes(side: side, train: 0, test: 0, threads: 1)
            let share = max(0, Self.limit - heads) / max(needed - heads, 1)
            let allowed = max(4, Int(Double(train + test) * share))
            // Tests say little with few images; the others are for training.
            test = min(test, max(2, allowed / 4))
            train = min(train, max(2, allowed - test))
        }
        (self.side, self.trainImages, self.testImages) = (side, train, test)
        let threads = configuration.resources.threads ?? 1
        self.bytes = Int(min(bytes(side: side, train: train, test: test, threads: threads), 1e18))
    }
}
