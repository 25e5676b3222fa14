import Datasets
import Declarations
import Evaluation
import Networks

/// Finds combinations of values that cannot work, before anything runs.
struct ConfigurationValidator {
    let configuration: RunConfiguration
    /// Training images in the data set; none where they could not be counted.
    let trainingImages: Int?
    let fileExists: (String) -> Bool
    private(set) var findings: [SpecFinding] = []

    mutating func find(_ keys: String..., message: String, remedy: String) {
        find(keys, message: message, remedy: remedy)
    }

    mutating func find(_ keys: [String], message: String, remedy: String) {
        findings.append(SpecFinding(keys, message: message, remedy: remedy))
    }

    /// - Parameter checksData: Whether the data set matters: whether it is there, and fits the model.
    /// - Returns: Everything that is wrong with `configuration`.
    static func findings(
        in configuration: RunConfiguration, trainingImages: Int?, checksData: Bool = true,
        fileExists: @escaping (String) -> Bool
    ) -> [SpecFinding] {
        var validator = ConfigurationValidator(
            configuration: configuration, trainingImages: trainingImages, fileExists: fileExists)
        validator.checkRanges()
        if checksData { validator.checkData() }
        validator.checkModel()
        validator.checkMasks()
        validator.checkObjective()
        validator.checkTraining()
        validator.checkEvaluation()
        return validator.findings
    }

    private mutating func checkRanges() {
        let ranges: [(String, [Double])] = [
            ("data.crop_scale", configuration.data.cropScale), ("data.crop_aspect", configuration.data.cropAspect),
        ]
        for (path, range) in ranges where !(range[0] <= range[1]) { findings.append(.reversed(path, range)) }
    }

    private mutating func checkData() {
        let collection = configuration.imageCollection
        // Grey images are shown in three channels, and colour images in one; other files are compared when they are read.
        if let channels = collection.knownGeometry?.channels, channels != configuration.model.channels,
            !([1, 3].contains(channels) && [1, 3].contains(configuration.model.channels))
        {
            let images = channels == 1 ? "grey images" : "images of \(counted(channels, "channel"))"
            find(
                "model.channels", "data.dataset",
                message: "\(type(of: collection).name) has \(images), but the model takes "
                    + "\(counted(configuration.model.channels, "channel"))",
                remedy: "set model.channels: \(channels)")
        }
        findings += collection.findings + configuration.missingData(fileExists)
        if let subset = configuration.data.trainSubset, let all = trainingImages, subset > all {
            find(
                "data.train_subset", "data.dataset",
                message: "a subset of \(counted(subset, "image")), but there are only \(all)",
                remedy: "set it to at most \(all)")
        }
    }

    /// Patches along a side; attention over more of them does not fit anywhere.
    private static let largestGrid = 128

    private mutating func checkModel() {
        let model = configuration.model
        findings += BlockCosts.findings(
            width: model.width, heads: model.heads, widthKey: "model.width", headsKey: "model.heads")
        findings += configuration.predictorType.findings(configuration.predictorSettings, configuration.encoderSummary)
        if Int(Double(model.width) * model.mlpRatio) < 1 {
            find(
                "model.mlp_ratio", "model.width", "model.preset",
                message: "leaves the MLP of width \(model.width) without a hidden unit",
                remedy: "the usual ratio is 4")
        }
        let grid = model.imageSize / model.patchSize
        if model.imageSize % model.patchSize != 0 {
            find(
                "model.patch_size", "model.image_size",
                message: "patches of \(model.patchSize) pixels do not fill an image of \(model.imageSize)",
                remedy: "choose a patch size that divides \(model.imageSize)")
        } else if grid > Self.largestGrid {
            find(
                "model.patch_size", "model.image_size",
                message: "\(grid)×\(grid) patches, more than \(Self.largestGrid)×\(Self.largestGrid)",
                remedy: "use larger patches or smaller images")
        }
    }

    private mutating func checkTraining() {
        let training = configuration.training
        let images = configuration.data.trainSubset.map { min($0, trainingImages ?? $0) } ?? trainingImages
        if let images, training.batchSize > images {
            find(
                "training.batch_size", "data.train_subset", "data.dataset",
                message: "a batch of \(training.batchSize), but only \(counted(images, "training image"))",
                remedy: "set it to at most \(images)")
        }
        if configuration.resources.shards > training.batchSize {
            find(
                "resources.shards", "training.batch_size",
                message: "\(configuration.resources.shards) shards for a batch of \(training.batchSize)",
                remedy: "set resources.shards: \(training.batchSize) or fewer")
        }
        let resources = configuration.resources
        // Rounds and ranks share out sums of gradients, each of four shards.
        let needed = 4 * resources.accumulate * resources.ranks
        if resources.accumulate * resources.ranks > (min(resources.shards, training.batchSize) + 3) / 4 {
            let ranks = resources.ranks > 1 ? " over \(resources.ranks) ranks" : ""
            find(
                resources.accumulate > 1 ? "resources.accumulate" : "resources.ranks", "resources.ranks",
                "resources.shards", "training.batch_size",
                message: "\(counted(resources.shards, "shard")) of \(counted(training.batchSize, "image")) do not fill "
                    + "\(counted(resources.accumulate, "round"))\(ranks)",
                remedy: "set resources.shards: \(needed) or more, or fewer rounds\(ranks.isEmpty ? "" : " or ranks")")
        }
        if training.steps == nil, training.epochs == nil {
            find(
                "training.steps", "training.batch_size", "training.epochs",
                message: "the length of training is not set",
                remedy: "set training.steps or training.epochs")
        }
        if let steps = training.steps,
            let late = configuration.diagnostics.embeddingsAtSteps.first(where: { $0 > steps })
        {
            find(
                "diagnostics.embeddings_at_steps", "training.steps", "training.epochs",
                message: "step \(late) is after the last step, \(steps)",
                remedy: "the final embeddings are stored anyway")
        }
    }

    private mutating func checkEvaluation() {
        let evaluation = configuration.evaluation
        if Set(evaluation.encoders).count != evaluation.encoders.count {
            find("evaluation.encoders", message: "an encoder is listed twice", remedy: "list each once")
        }
        if configuration.diagnostics.stopOnCollapse != nil, evaluation.everySteps == 0 {
            find(
                "diagnostics.stop_on_collapse", "evaluation.every_steps",
                message: "without intermediate evaluations, collapse is found only at the end",
                remedy: "set evaluation.every_steps")
        }
        let known = configuration.imageCollection.knownSizes
        let probed = known?.probe ?? trainingImages
        let sizes = [
            ("evaluation.train_images", evaluation.trainImages, probed ?? known?.train),
            ("evaluation.test_images", evaluation.testImages, known?.test ?? configuration.data.expectedTestImages),
        ]
        for (path, wanted, there) in sizes {
            if let wanted, let there, wanted > there {
                find(
                    path, "data.dataset", message: "\(wanted) images, but there are only \(there)",
                    remedy: "set it to at most \(there)"
                )
            }
        }
        let features = evaluation.trainImages ?? probed
        for task in configuration.evaluationTasks { findings += task.task.findings(trainingImages: features) }
    }
}

extension RunConfiguration {
    /// What cannot work, whatever the data: for configurations that no spec was read for.
    package var problems: [(key: String, message: String, remedy: String)] {
        ConfigurationValidator.findings(in: self, trainingImages: nil, checksData: false, fileExists: { _ in true })
            .compactMap { finding in
                guard let key = finding.keys.first, !key.hasPrefix("data.") else { return nil }
                return (key, finding.message, finding.remedy)
            }
    }
}
