import Datasets
import Declarations
import Foundation

/// Fills in folders and steps of arms, and validates them.
struct ArmFinisher {
    let document: SpecDocument
    /// Whether data that is not there is told instead of being an error.
    let toleratesMissingData: Bool
    let diagnostics: SpecDiagnostics
    private(set) var missingData: [MissingData] = []
    private var faults = ArmFaults(armCount: 0)
    private var weights = WeightChecks()

    init(document: SpecDocument, toleratesMissingData: Bool, diagnostics: SpecDiagnostics) {
        self.document = document
        self.toleratesMissingData = toleratesMissingData
        self.diagnostics = diagnostics
    }

    mutating func finish(
        _ arms: inout [SpecArm], someMayBeExcluded: Bool, datasetSize: (RunConfiguration) throws -> Int,
        fileExists: (String) -> Bool
    ) {
        let folder = URL(fileURLWithPath: document.path).standardizedFileURL.deletingLastPathComponent().path
        faults = ArmFaults(armCount: arms.count)
        for index in arms.indices {
            arms[index].configuration.resolveDataFolder(specFolder: folder)
            let unread = weights.complete(&arms[index].configuration)
            noteMissingFiles(of: arms[index], fileExists)
            let size = imageCount(of: arms[index], datasetSize, fileExists)
            Self.resolveSteps(&arms[index].configuration, images: size)
            let configuration = arms[index].configuration
            let isMissing = missingData.contains { $0.data == configuration.dataIdentity }
            var findings = withoutActuallyEscaping(fileExists) { exists in
                ConfigurationValidator.findings(
                    in: configuration, trainingImages: size, fileExists: isMissing ? { _ in true } : exists)
            }
            findings += unread
            if findings.isEmpty { findings = weights.findings(in: configuration) }
            // Costs are worked out only for sizes that make sense.
            if findings.isEmpty, diagnostics.isEverythingKnown,
                let finding = Self.memoryFinding(configuration, trainingImages: size)
            {
                findings.append(finding)
            }
            for finding in findings where diagnostics.isKnown(finding.keys) {
                faults.add(error(finding, in: arms[index]), of: arms[index].name)
            }
        }
        for error in faults.errors(ofAllOnly: someMayBeExcluded) { diagnostics.report(error) }
    }

    private func error(_ finding: SpecFinding, in arm: SpecArm) -> SpecError {
        let place = arm.settings.location(of: finding.keys) ?? SpecLocation(file: document.path)
        return SpecError(place, keyPath: finding.keys[0], finding.message, remedy: finding.remedy)
    }

    // MARK: Data that is not there

    private mutating func noteMissingFiles(of arm: SpecArm, _ fileExists: (String) -> Bool) {
        guard toleratesMissingData else { return }
        let configuration = arm.configuration
        // A folder that was never named is a mistake in the spec.
        if configuration.needsFolder, configuration.dataFolder == nil { return }
        for finding in configuration.missingData(fileExists) where diagnostics.isKnown(finding.keys) {
            note(error(finding, in: arm), of: configuration)
        }
    }

    private mutating func note(_ problem: SpecError, of configuration: RunConfiguration) {
        let data = configuration.dataIdentity
        guard let known = missingData.firstIndex(where: { $0.data == data }) else {
            return missingData.append(MissingData(data: data, problems: [problem]))
        }
        if !missingData[known].problems.contains(problem) { missingData[known].problems.append(problem) }
    }

    /// The number of training images; none where it is not known and not needed.
    private mutating func imageCount(
        of arm: SpecArm, _ datasetSize: (RunConfiguration) throws -> Int, _ fileExists: (String) -> Bool
    ) -> Int? {
        let configuration = arm.configuration
        let needsCount = configuration.training.steps == nil && configuration.training.epochs != nil
        func reported(_ reason: String, remedy: String) {
            guard diagnostics.isKnown(["training.epochs", "data"]) else { return }
            let place = arm.settings.location(of: ["training.epochs", "data.dataset"])
            faults.add(
                SpecError(
                    place ?? SpecLocation(file: document.path), keyPath: "training.epochs",
                    "the number of steps is unknown, since the training images cannot be counted: \(reason)",
                    remedy: remedy), of: arm.name)
        }
        func declared() -> Int? {
            let count = configuration.data.expectedTrainImages ?? configuration.imageCollection.knownSizes?.train
            if count == nil, needsCount {
                reported(
                    "the data is not there, and nothing says how many there are",
                    remedy: "set data.expected_train_images, or training.steps")
            }
            return count
        }
        if missingData.contains(where: { $0.data == configuration.dataIdentity }) { return declared() }
        do {
            return try datasetSize(configuration)
        } catch {
            let cause = error as? DatasetError
            if toleratesMissingData, let cause, cause.isAbsence {
                let place = arm.settings.location(of: ["data.folder", "data.dataset"])
                note(
                    SpecError(
                        place ?? SpecLocation(file: document.path), keyPath: "data.folder",
                        "\(cause.place) \(cause.problem)", remedy: cause.remedy), of: configuration)
                return declared()
            }
            // Missing files have their own error; without epochs the size is not needed.
            guard needsCount, configuration.missingData(fileExists).isEmpty else { return nil }
            reported(cause.map { "\($0.place): \($0.problem)" } ?? "\(error)", remedy: "set training.steps")
            return nil
        }
    }

    // MARK: Steps and memory

    /// Steps of an epoch are whole batches; the rest of the images is left to the next shuffle.
    private static func resolveSteps(_ configuration: inout RunConfiguration, images: Int?) {
        guard configuration.training.steps == nil, let epochs = configuration.training.epochs, let images else {
            return
        }
        let used = min(images, configuration.data.trainSubset ?? images)
        // A batch larger than the data set is refused by the validator.
        configuration.training.steps = max(1, epochs * (used / configuration.training.batchSize))
    }

    /// Refuses an allowance of memory below what a run is predicted to need.
    private static func memoryFinding(_ configuration: RunConfiguration, trainingImages: Int?) -> SpecFinding? {
        guard let allowed = configuration.resources.memoryGiB else { return nil }
        // Rounded up to two digits, so that the remedy is enough.
        let bytes = CostEstimate(configuration, trainImages: trainingImages).memoryBytes
        let needed = (Double(bytes) / 1_073_741_824 * 100).rounded(.up) / 100
        guard needed > allowed else { return nil }
        return SpecFinding(
            ["resources.memory_gib"],
            message: "\(SpecValue.shortest(allowed)) GiB for all runs, but one run is predicted to need "
                + "\(SpecValue.shortest(needed)) GiB",
            remedy: "set it to \(SpecValue.shortest(needed)) or more, or use smaller batches")
    }
}
