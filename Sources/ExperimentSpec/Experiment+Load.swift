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
    ///   - masksProblem: Why no masks can be drawn for a configuration; asked only where nothing else is wrong. The
    ///     sampler alone knows, and it is no part of this module.
    ///   - metricLookup: What is known of a metric that `expect` names.
    ///   - fileExists: Whether a file or folder is there.
    ///   - automaticPrecision: What `training.precision: auto` comes to on this machine.
    /// - Throws: `SpecErrors` with everything that is wrong.
    package static func load(
        path: String, overrides: [String] = [], only: [String] = [], skip: [String] = [],
        datasetSize: (DataConfiguration) throws -> Int = { try $0.trainingImageCount() },
        masksProblem: (RunConfiguration) -> MasksProblem? = { _ in nil },
        metricLookup: Claim.MetricLookup = { _, _, _ in .unchecked },
        fileExists: (String) -> Bool = { FileManager.default.fileExists(atPath: $0) },
        automaticPrecision: TrainingConfiguration.Precision = .float32
    ) throws(SpecErrors) -> Experiment {
        let diagnostics = SpecDiagnostics()
        var document: SpecDocument
        do {
            document = try SpecDocument.read(path, diagnostics)
        } catch {
            throw SpecErrors(diagnostics.errors + error.errors)
        }
        document.override(overrides, diagnostics)
        let matrix = SpecMatrix(document.matrix, diagnostics)
        matrix.checkSize(document, diagnostics)
        try diagnostics.throwIfAny()

        var arms = matrix.arms(of: document, diagnostics)
        matrix.checkRuns(arms, of: document, diagnostics)
        try diagnostics.throwIfAny()
        for index in arms.indices where arms[index].configuration.training.precision == .auto {
            arms[index].configuration.training.precision = automaticPrecision
        }
        if arms.isEmpty {
            diagnostics.report(
                document.matrixLocation, keyPath: "matrix", "no arm is left", remedy: "'exclude' removes all of them")
        }
        finish(
            &arms, of: document, datasetSize: datasetSize, masksProblem: masksProblem, fileExists: fileExists,
            diagnostics)
        reportDuplicates(arms, diagnostics)
        let baseline = findBaseline(arms, matrix, document, diagnostics)
        let expectations =
            document.expect.map { Claim.read($0, arms: arms, lookup: metricLookup, diagnostics) } ?? []
        try diagnostics.throwIfAny()

        let runs = select(plannedRuns(of: arms, seeds: document.seeds), only: only, skip: skip, diagnostics)
        try diagnostics.throwIfAny()
        let selected = Set(runs.map(\.arm))
        return Experiment(
            name: document.name, question: document.question, expected: document.expected, baseline: baseline,
            arms: arms.map(\.name).filter(selected.contains), runs: runs, specPath: path,
            expectations: expectations, factors: matrix.factors(of: arms))
    }

    /// Why masks cannot be drawn: the key that says so, what is wrong, and what to do.
    package typealias MasksProblem = (keyPath: String, message: String, remedy: String)

    // MARK: Arms

    /// Fills in folders and steps, and validates.
    private static func finish(
        _ arms: inout [SpecArm], of document: SpecDocument, datasetSize: (DataConfiguration) throws -> Int,
        masksProblem: (RunConfiguration) -> MasksProblem?, fileExists: (String) -> Bool,
        _ diagnostics: SpecDiagnostics
    ) {
        let folder = URL(fileURLWithPath: document.path).standardizedFileURL.deletingLastPathComponent().path
        var found: [(error: SpecError, arms: [String])] = []
        func add(_ error: SpecError, _ arm: String) {
            if let index = found.firstIndex(where: { $0.error == error }) {
                found[index].arms.append(arm)
            } else {
                found.append((error, [arm]))
            }
        }
        for index in arms.indices {
            let arm = arms[index]
            arms[index].configuration.data.folder = arm.configuration.data.resolvedFolder(specFolder: folder)
            let size = imageCount(of: arms[index], document, datasetSize, fileExists) { add($0, arm.name) }
            resolveSteps(&arms[index].configuration, images: size)
            var findings = withoutActuallyEscaping(fileExists) {
                ConfigurationValidator.findings(
                    in: arms[index].configuration, trainingImages: size, fileExists: $0)
            }
            // Masks are drawn and costs worked out only for sizes that make sense.
            if findings.isEmpty, let problem = masksProblem(arms[index].configuration) {
                findings.append(
                    ConfigurationValidator.Finding(
                        keys: [problem.keyPath] + keysOfMasks, message: problem.message, remedy: problem.remedy))
            }
            if findings.isEmpty, let finding = memoryFinding(arms[index].configuration, trainingImages: size) {
                findings.append(finding)
            }
            for finding in findings {
                let place = arm.settings.location(of: finding.keys) ?? SpecLocation(file: document.path)
                add(SpecError(place, keyPath: finding.keys[0], finding.message, remedy: finding.remedy), arm.name)
            }
        }
        for (error, names) in found {
            var error = error
            // Where only some arms are concerned, say which.
            if names.count < arms.count {
                let more = names.count > 3 ? " and \(names.count - 3) more" : ""
                error.message +=
                    " (\(names.count == 1 ? "arm" : "arms") \(names.prefix(3).joined(separator: ", "))\(more))"
            }
            diagnostics.report(error)
        }
    }

    /// Keys that decide whether masks can be drawn, the likeliest culprit first.
    private static let keysOfMasks = [
        "masks.target_scale", "masks.context_scale", "masks.target_aspect", "masks.context_aspect", "masks.min_keep",
        "masks.sampler", "model.patch_size", "model.image_size",
    ]

    /// Refuses an allowance of memory below what a run is predicted to need.
    private static func memoryFinding(
        _ configuration: RunConfiguration, trainingImages: Int?
    ) -> ConfigurationValidator.Finding? {
        guard let allowed = configuration.resources.memoryGiB else { return nil }
        // Rounded up to two digits, so that the remedy is enough.
        let bytes = CostEstimate(configuration, trainImages: trainingImages).memoryBytes
        let needed = (Double(bytes) / 1_073_741_824 * 100).rounded(.up) / 100
        guard needed > allowed else { return nil }
        return ConfigurationValidator.Finding(
            keys: ["resources.memory_gib"],
            message: "\(SpecValue.shortest(allowed)) GiB for all runs, but one run is predicted to need "
                + "\(SpecValue.shortest(needed)) GiB",
            remedy: "set it to \(SpecValue.shortest(needed)) or more, or use smaller batches")
    }

    /// The number of training images; none where it is not known and not needed.
    private static func imageCount(
        of arm: SpecArm, _ document: SpecDocument, _ datasetSize: (DataConfiguration) throws -> Int,
        _ fileExists: (String) -> Bool, report: (SpecError) -> Void
    ) -> Int? {
        do {
            return try datasetSize(arm.configuration.data)
        } catch {
            let training = arm.configuration.training
            let files = arm.configuration.data.filePaths
            // Missing files have their own error; without epochs the size is not needed.
            guard training.steps == nil, training.epochs != nil, !files.isEmpty,
                files.allSatisfy({ fileExists($0.path) })
            else { return nil }
            let place = arm.settings.location(of: ["training.epochs", "data.dataset"])
            let reason = (error as? SpecError).map { "\($0.file): \($0.message)" } ?? "\(error)"
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

    private static func reportDuplicates(_ arms: [SpecArm], _ diagnostics: SpecDiagnostics) {
        var byName: [String: SpecArm] = [:]
        var byIdentity: [String: SpecArm] = [:]
        for arm in arms {
            if byName.updateValue(arm, forKey: arm.name) != nil {
                diagnostics.report(
                    arm.location, keyPath: "matrix", "two arms are called '\(arm.name)'",
                    remedy: "rename a variant or an included arm")
                continue
            }
            if let first = byIdentity[arm.configuration.identityJSON()] {
                diagnostics.report(
                    arm.location, keyPath: "matrix",
                    "the arms '\(first.name)' and '\(arm.name)' have the same configuration",
                    remedy: "exclude one of them, or let an axis apply only where it matters ('when')")
            } else {
                byIdentity[arm.configuration.identityJSON()] = arm
            }
        }
    }

    /// The arm that `baseline` names or describes; the first arm where it is not given.
    private static func findBaseline(
        _ arms: [SpecArm], _ matrix: SpecMatrix, _ document: SpecDocument, _ diagnostics: SpecDiagnostics
    ) -> String {
        guard let part = document.baseline else { return arms.first?.name ?? "" }
        let names = arms.map(\.name)
        if part.node.entries != nil {
            guard let condition = matrix.readCondition(part.node, "baseline", part, diagnostics) else { return "" }
            let matching = arms.filter { $0.satisfies(condition) }.map(\.name)
            if matching.count == 1 { return matching[0] }
            diagnostics.report(
                part.location, keyPath: "baseline",
                matching.isEmpty
                    ? "no arm meets the condition" : "several arms meet the condition: \(listed(matching))",
                remedy: "name one arm: \(listed(names))")
            return ""
        }
        let name = part.node.value?.text ?? ""
        if !names.contains(name) {
            diagnostics.report(
                part.node.location, keyPath: "baseline", "there is no arm '\(name)'",
                nearest: nearestName(to: name, among: names), remedy: "arms: \(listed(names))")
        }
        return name
    }

    // MARK: Runs

    private static func plannedRuns(of arms: [SpecArm], seeds: [Int]) -> [PlannedRun] {
        let values = arms.map { arm in SpecKey.all.map { $0.value(in: arm.configuration) } }
        // Folders say where a data set lies, not what it is.
        let differing = SpecKey.all.indices.filter { key in
            SpecKey.all[key].path != "data.folder" && values.contains { $0[key] != values[0][key] }
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

    private static func select(
        _ runs: [PlannedRun], only: [String], skip: [String], _ diagnostics: SpecDiagnostics
    ) -> [PlannedRun] {
        func matches(_ run: PlannedRun, _ patterns: [String]) -> Bool {
            patterns.contains { GlobPattern($0).matches(run.arm) || GlobPattern($0).matches(run.name) }
        }
        for (option, patterns) in [("--only", only), ("--skip", skip)] {
            for pattern in patterns where !runs.contains(where: { matches($0, [pattern]) }) {
                let names = Set(runs.map(\.arm)).union(runs.map(\.name))
                diagnostics.report(
                    SpecLocation(file: "\(option) \(pattern)"), "matches no arm or run",
                    nearest: nearestName(to: pattern, among: names.sorted()),
                    remedy: "arms: \(listed(Set(runs.map(\.arm)).sorted()))")
            }
        }
        let selected = runs.filter { (only.isEmpty || matches($0, only)) && !matches($0, skip) }
        if selected.isEmpty, diagnostics.errors.isEmpty {
            diagnostics.report(SpecLocation(file: "--only/--skip"), "no run is left", remedy: "loosen the patterns")
        }
        return selected
    }
}

extension SpecArm {
    func satisfies(_ condition: SpecCondition) -> Bool {
        condition.holds(choices: choices, settings: settings)
    }
}
