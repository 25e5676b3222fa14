/// What each probe of one encoder says of every test image.
package struct StoredPredictions: Sendable, Equatable {
    /// Steps done at the evaluation.
    package var step: Int
    /// Name of the accuracy ("knn_20", "linear") → the class given to each test image, [n_test].
    package var classes: [String: [Int32]]
    /// The images' classes, [n_test].
    package var labels: [Int32]
    /// Their places in the data set's test split, [n_test].
    package var indices: [Int32]
    /// Names of the images' files, [n_test]; none where images only have numbers.
    package var names: [String]?

    package init(
        step: Int, classes: [String: [Int32]], labels: [Int32], indices: [Int32], names: [String]? = nil
    ) {
        self.step = step
        self.classes = classes
        self.labels = labels
        self.indices = indices
        self.names = names
    }

    /// 1 for each image that a probe classified right, 0 for the others; none for a probe that is not stored.
    package func correctness(_ probe: String) -> [Double]? {
        classes[probe].map { classes in zip(classes, labels).map { $0 == $1 ? 1 : 0 } }
    }
}
