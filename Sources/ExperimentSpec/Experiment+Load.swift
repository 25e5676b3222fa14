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
    ///   - toleratesMissingData: Data that is not there is told in `missingData` and is no error; images are then counted
    ///     as `data.expected_train_images` or the data set itself says.
    ///   - automaticPrecision: What `training.precision: auto` comes to on this machine.
    /// - Throws: `SpecErrors` with everything that is wrong.
    package static func load(
        path: String, overrides: [String] = [], only: [String] = [], skip: [String] = [],
        datasetSize: (RunConfiguration) throws -> Int = {
            try $0.data.expectedTrainImages ?? $0.imageCollection.knownSizes?.train
                ?? $0.imageCollection.trainingImageCount()
        },
        metricLookup: Claim.MetricLookup = { _, _, _ in .unchecked },
        fileExists: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) },
        toleratesMissingData: Bool = false,
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
        var finisher = ArmFinisher(
            document: document, toleratesMissingData: toleratesMissingData, diagnostics: diagnostics)
        finisher.finish(
            &arms, someMayBeExcluded: matrix.hasUnreadExclusion, datasetSize: datasetSize, fileExists: fileExists)
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
        var experiment = Experiment(
            name: document.name, question: document.question, expected: document.expected, baseline: baseline,
            arms: arms.map(\.name).filter(selected.contains),
            runs: plannedRuns(of: arms, seeds: document.seeds).filter {
                selection.contains(arm: $0.arm, seed: $0.seed)
            },
            specPath: path, expectations: expectations, factors: matrix.factors(of: arms))
        let needed = Set(experiment.runs.map(\.configuration.dataIdentity))
        experiment.missingData = finisher.missingData.filter { needed.contains($0.data) }
        return experiment
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
