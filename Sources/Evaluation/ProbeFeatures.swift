package import Diagnostics

/// One kind of features of the training and the test images, to be probed.
package struct ProbeFeatures: Sendable {
    /// What they are, for names of metrics: "last1" (last layer, pooled), "last4" (last four layers, each pooled,
    /// concatenated).
    package let name: String
    /// [n_train, D].
    package let train: FeatureMatrix
    /// [n_test, D].
    package let test: FeatureMatrix

    package init(name: String, train: FeatureMatrix, test: FeatureMatrix) {
        precondition(
            train.columns == test.columns,
            "training features [\(train.rows), \(train.columns)] and test features [\(test.rows), \(test.columns)]")
        self.name = name
        self.train = train
        self.test = test
    }

    var isFinite: Bool { train.isFinite && test.isFinite }
}

/// The classes of the training and the test images.
package struct ProbeLabels: Sendable {
    /// [n_train], each in 0..<classes.
    package let train: [Int32]
    /// [n_test].
    package let test: [Int32]
    /// One more than the largest label.
    package let classes: Int

    package init(train: [Int32], test: [Int32]) {
        precondition((train + test).allSatisfy { $0 >= 0 }, "a label is negative")
        self.train = train
        self.test = test
        classes = Int(max(train.max() ?? 0, test.max() ?? 0)) + 1
    }

    func check(_ features: ProbeFeatures) {
        precondition(
            features.train.rows == train.count && features.test.rows == test.count,
            "\(features.train.rows) and \(features.test.rows) features for \(train.count) and \(test.count) labels")
    }
}
