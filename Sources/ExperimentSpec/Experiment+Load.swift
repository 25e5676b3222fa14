import Datasets
import Declarations
import Foundation

extension Experiment {
    /// Reads a spec, expands its matrix and checks every run.
    ///
    /// - Parameters:
    ///   - path: Of the `.spec` file.
    ///   - overrides: `key.path=value` texts of the command line; they win over everything in the spec.
    ///   - only: Patterns (`*`, `?`) over names of arms and runs; empty: all runs.
    ///   - skip: Patterns of runs that are left out.
    ///   - datasetSize: Number of training images; called for each data set that epochs or checks need.
    ///   - metricLookup: What is known of a metric that `expect` names.
    ///   - fileExists: Whether a file or folder is there.
    ///   - automaticPrecision: What `training.precision: auto` comes to on this machine.
    /// - Throws: `SpecErrors` with everything that is wrong.
    package static func load(
        path: String, overrides: [String] = [], only: [String] = [], skip: [String] = [],
        datasetSize: (RunConfiguration) throws -> Int = {
            try $0.imageCollection.knownSizes?.train ?? $0.imageCollection.trainingImageCount()
        },
        metricLookup: Claim.MetricLookup = { _, _, _ in .unchecked },
        fileExists: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) },
        automaticPrecision: TrainingConfiguration.Precision = .float32
    ) throws(SpecErrors) -> Experiment {
        let diagnostics = SpecDiagnostics()
        var document: SpecDocument
        do {
            document = try SpecDocument.read(path, diagnostics)
        } catch {
            // The options can still be checked, but not what they are laid over.
            error.errors.forEach(diagnostics.report)
            diagnostics.markUnread(SpecDiagnostics.everything)
            document = SpecDocument(path: path)
        }
        document.override(overrides, diagnostics)
        let matrix = SpecMatrix(document, diagnostics)
        let (laidOut, names) = layOut(matrix, of: document, diagnostics)
        var arms = laidOut
        for index in arms.indices where arms[index].configuration.training.precision == .auto {
            arms[index].configuration.training.precision = automaticPrecision
        }
        finish(
            &arms, of: document, someMayBeExcluded: matrix.hasUnreadExclusion, datasetSize: datasetSize,
            fileExists: fileExists, diagnostics)
        let expectations =
            document.expect.map { Claim.read($0, arms: arms, names: names, lookup: metricLookup, diagnostics) } ?? []
        guard let names else { throw diagnostics.result }
        let baseline = Baseline(
            arms: arms, names: names, matrix: matrix, document: document, diagnostics: diagnostics
        ).find()
        let selection = RunSelection(only: only, skip: skip, names: names, seeds: document.seeds, diagnostics)
        let selected = Set(
            arms.map(\.name).filter { arm in document.seeds.contains { selection.contains(arm: arm, seed: $0) } })
        if diagnostics.isEverythingKnown {
            EqualArms(
                arms: arms, overrides: document.overrides, automaticPrecision: automaticPrecision,
                diagnostics: diagnostics
            ).report(selected: selected)
        }
        if selected.isEmpty, diagnostics.errors.isEmpty {
            diagnostics.report(
                SpecLocation(file: "--only/--skip"), "no run is left",
                remedy: "use patterns that leave at least one run")
        }
        try diagnostics.throwIfAny()
        return Experiment(
            name: document.name, question: document.question, expected: document.expected, baseline: baseline,
            arms: arms.map(\.name).filter(selected.contains),
            runs: plannedRuns(of: arms, seeds: document.seeds).filter {
                selection.contains(arm: $0.arm, seed: $0.seed)
            },
            specPath: path, expectations: expectations, factors: matrix.factors(of: arms))
    }

    /// The arms of a matrix and their names.
    ///
    /// Where the matrix could not be read or is refused, there are no names, and one arm stands for what the spec says
    /// outside the matrix.
    private static func layOut(
        _ matrix: SpecMatrix, of document: SpecDocument, _ diagnostics: SpecDiagnostics
    ) -> (arms: [SpecArm], names: ArmNames?) {
        guard matrix.isComplete, diagnostics.isKnown(["matrix"]), matrix.checkSize(document, diagnostics) else {
            for part in document.matrix.values { diagnostics.markUnread(SpecKey.named(in: part.node)) }
            return ([matrix.standIn(for: document)], nil)
        }
        let before = diagnostics.errors.count
        let arms = matrix.arms(of: document, diagnostics)
        if arms.isEmpty, diagnostics.errors.count == before, diagnostics.isEverythingKnown {
            diagnostics.report(
                document.matrixLocation, keyPath: "matrix", "no arm is left", remedy: "'exclude' removes all of them")
        }
        guard !arms.isEmpty, diagnostics.errors.count == before else { return (arms, nil) }
        guard matrix.checkRuns(arms, of: document, diagnostics) else { return (arms, nil) }
        matrix.checkNames(arms, diagnostics)
        return (arms, ArmNames(arms, of: matrix))
    }

    // MARK: Arms

    /// Fills in folders and steps, and validates.
    private static func finish(
        _ arms: inout [SpecArm], of document: SpecDocument, someMayBeExcluded: Bool,
        datasetSize: (RunConfiguration) throws -> Int,
        fileExists: (String) -> Bool,
        _ diagnostics: SpecDiagnostics
    ) {
        let folder = URL(fileURLWithPath: document.path).standardizedFileURL.deletingLastPathComponent().path
        var faults = ArmFaults(armCount: arms.count)
        for index in arms.indices {
            let arm = arms[index]
            arms[index].configuration.resolveDataFolder(specFolder: folder)
            let size = imageCount(of: arms[index], document, datasetSize, fileExists) { error in
                if diagnostics.isKnown(["training.epochs", "data"]) { faults.add(error, of: arm.name) }
            }
            resolveSteps(&arms[index].configuration, images: size)
            var findings = withoutActuallyEscaping(fileExists) {
                ConfigurationValidator.findings(
                    in: arms[index].configuration, trainingImages: size, fileExists: $0)
            }
            // Costs are worked out only for sizes that make sense.
            if findings.isEmpty, diagnostics.isEverythingKnown,
                let finding = memoryFinding(arms[index].configuration, trainingImages: size)
            {
                findings.append(finding)
            }
            for finding in findings where diagnostics.isKnown(finding.keys) {
                let place = arm.settings.location(of: finding.keys) ?? SpecLocation(file: document.path)
                faults.add(
                    SpecError(place, keyPath: finding.keys[0], finding.message, remedy: finding.remedy), of: arm.name)
            }
        }
        for error in faults.errors(ofAllOnly: someMayBeExcluded) { diagnostics.report(error) }
    }

    /// Refuses an allowance of memory below what a run is predicted to need.
    private static func memoryFinding(
        _ configuration: RunConfiguration, trainingImages: Int?
    ) -> SpecFinding? {
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

    /// The number of training images; none where it is not known and not needed.
    private static func imageCount(
        of arm: SpecArm, _ document: SpecDocument, _ datasetSize: (RunConfiguration) throws -> Int,
        _ fileExists: (String) -> Bool, report: (SpecError) -> Void
    ) -> Int? {
        do {
            return try datasetSize(arm.configuration)
        } catch {
            let training = arm.configuration.training
            // Missing files have their own error; without epochs the size is not needed.
            guard training.steps == nil, training.epochs != nil,
                arm.configuration.missingData(fileExists).isEmpty
            else { return nil }
            let place = arm.settings.location(of: ["training.epochs", "data.dataset"])
            let reason = (error as? DatasetError).map { "\($0.place): \($0.problem)" } ?? "\(error)"
            report(
                SpecError(
                    place ?? SpecLocation(file: document.path), keyPath: "training.epochs",
                    "the number of steps is unknown, since the training images cannot be counted: \(reason)",
                    remedy: "set training.steps"))
            return nil
        }
    }

    /// Steps of an epoch are whole batches; the rest of the images is left to the next shuffle.
    private static func resolveSteps(_ configuration: inout RunConfiguration, images: Int?) {
        guard configuration.training.steps == nil, let epochs = configuration.training.epochs, let images else {
            return
        }
        let used = min(images, configuration.data.trainSubset ?? images)
        // A batch larger than the data set is refused by the validator.
        configuration.training.steps = max(1, epochs * (used / configuration.training.batchSize))
    }

    // MARK: Runs

    private static func plannedRuns(of arms: [SpecArm], seeds: [Int]) -> [PlannedRun] {
        let values = arms.map { arm in SpecKey.all.map { $0.value(in: arm.configuration) } }
        // Where a data set lies says not what it is.
        let differing = SpecKey.all.indices.filter { key in
            !(SpecKey.all[key].isPath && !SpecKey.all[key].isIdentity)
                && values.contains { $0[key] != values[0][key] }
        }
        return zip(arms, values).flatMap { arm, values in
            let differences = Dictionary(
                uniqueKeysWithValues: differing.map { (SpecKey.all[$0].path, values[$0].text) })
            let hash = arm.configuration.configurationHash()
            return seeds.map { seed in
                var configuration = arm.configuration
                configuration.seed = seed
                return PlannedRun(
                    arm: arm.name, seed: seed, configuration: configuration, differences: differences,
                    configurationHash: hash)
            }
        }
    }
}
