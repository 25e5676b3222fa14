import Declarations
import Diagnostics
import Evaluation
import Kernels

/// A task that the program does not have: each test image has the class whose mean feature is nearest.
///
/// All that it takes is this file and a place in the list.
struct ClassMean: EvaluationTask {
    /// How many training images of each class count; 0: all.
    let shots: Int

    static let declaration = EvaluationTaskDeclaration(
        name: "class_mean", title: "nearest class mean",
        keys: [
            DeclaredKey(
                "shots", default: 0, "Training images of each class that count; 0: all.", limits: .between(0, 1000),
                synonyms: "n_shots")
        ], features: [.lastLayer], mainMetric: "class_mean",
        details: [
            .init(
                "class_means",
                [DeclaredColumn("class", "its number"), DeclaredColumn("images", unit: "image", "that its mean is of")])
        ], intermediateText: "Also at intermediate evaluations.", synonyms: "ncm prototypes")

    private static let metric = EvaluationMetric(
        "class_mean", title: "Nearest class mean", short: "mean",
        meaning: "accuracy of the nearest class mean of the features",
        "top-1 of the nearest mean of the training features of a class, Euclidean")

    init(_ settings: Settings, seed: UInt64) { shots = settings["shots"] }

    func metrics(trainingImages: Int?) -> [EvaluationMetric] { [Self.metric] }

    func findings(trainingImages: Int?) -> [SpecFinding] {
        guard let trainingImages, shots > trainingImages else { return [] }
        return [
            SpecFinding(
                ["\(Self.declaration.group).shots", "evaluation.train_images"],
                message: "\(shots) shots, but only \(trainingImages) training features", remedy: "use fewer shots")
        ]
    }

    func measure<Backend: KernelBackend>(
        _ features: [ProbeFeatures], labels: ProbeLabels, on backend: Backend, threads: Int
    ) -> TaskResult {
        let (train, test) = (features[0].train, features[0].test)
        func row(_ values: [Float], _ index: Int) -> [Double] {
            values[index * train.columns..<(index + 1) * train.columns].map(Double.init)
        }
        var (sums, counts) = ([[Double]](), [Int]())
        for label in 0..<labels.classes {
            let rows = labels.train.indices.filter { Int(labels.train[$0]) == label }
            let used = shots == 0 ? rows : Array(rows.prefix(shots))
            counts.append(used.count)
            sums.append(
                used.reduce([Double](repeating: 0, count: train.columns)) { sum, index in
                    zip(sum, row(train.values, index)).map { $0 + $1 }
                })
        }
        let classes = labels.test.indices.map { index in
            let image = row(test.values, index)
            let distances = (0..<labels.classes).map { label in
                counts[label] == 0
                    ? Double.infinity
                    : zip(image, sums[label]).reduce(0) { sum, pair in
                        let difference = pair.0 - pair.1 / Double(counts[label])
                        return sum + difference * difference
                    }
            }
            return Int32(distances.indices.min { distances[$0] < distances[$1] } ?? 0)
        }
        let right = zip(classes, labels.test).count { $0 == $1 }
        var result = TaskResult()
        result.add("class_mean", Double(right) / Double(classes.count), predictions: classes)
        result.details = [
            (table: "class_means", rows: counts.enumerated().map { [Double($0.offset), Double($0.element)] })
        ]
        return result
    }

    func flops(_ sizes: EvaluationSizes) -> Double {
        2 * Double(sizes.testImages) * Double(sizes.classes) * Double(sizes.width)
    }

    func elements(_ sizes: EvaluationSizes, threads: Int) -> Double { Double(sizes.classes) * Double(sizes.width) }
}
