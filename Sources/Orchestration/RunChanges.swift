import Declarations
package import ExperimentSpec
import Foundation
import RunStore

/// What is different now from what a run's results were made with, as far as it can be told.
package struct RunChanges: Encodable, Hashable, Sendable {
    package struct Change: Encodable, Hashable, Sendable {
        /// A key path of the spec, "source_revision", or the name of a fingerprint.
        package var name: String
        package var from: String
        package var to: String

        /// "schedule.lr 0.001 → 0.01"
        var text: String { "\(name) \(from) → \(to)" }
    }

    /// Folder of the run of the same arm and seed that is nearest in configuration, for a run that has none yet.
    package var earlierRun: String?
    /// Keys in which the earlier run differs.
    package var configuration: [Change] = []
    /// The program's source revision.
    package var code: Change?
    /// Fingerprints of the data.
    package var data: [Change] = []

    package var isEmpty: Bool { configuration.isEmpty && code == nil && data.isEmpty }

    /// As many changes as a line holds.
    static func text(_ changes: [Change]) -> String {
        let shown = changes.prefix(4).map(\.text)
        return shown.joined(separator: ", ") + (changes.count > 4 ? " and \(changes.count - 4) more" : "")
    }
}

/// What the present is compared with, to tell why a run would be run again.
package struct RunContext: Sendable {
    /// Of this program; nil: unknown, nothing is said about the code.
    package var sourceRevision: String?
    /// A done run whose results were made by other code is run again.
    package var rerunsChangedCode: Bool
    /// Fingerprints of a configuration's data by their names in the provenance; empty: nothing is said about data.
    package var fingerprints: @Sendable (RunConfiguration) -> [String: String]

    package init(
        sourceRevision: String? = nil, rerunsChangedCode: Bool = false,
        fingerprints: @escaping @Sendable (RunConfiguration) -> [String: String] = { _ in [:] }
    ) {
        self.sourceRevision = sourceRevision
        self.rerunsChangedCode = rerunsChangedCode
        self.fingerprints = fingerprints
    }
}

/// The plans that an experiment's folder holds, read once.
struct EarlierRuns {
    private let plans: [(directory: RunDirectory, plan: RunPlan)]

    /// Plans that cannot be read are left out: they explain nothing.
    init(in folder: ExperimentFolder) {
        let directories = (try? RunDirectory.all(inExperiment: folder.path)) ?? []
        plans = directories.compactMap { directory in (try? directory.loadPlan()).map { (directory, $0) } }
    }

    /// How a run without a folder differs from the nearest of its arm and seed; nothing where there is none.
    func changes(to run: PlannedRun) -> RunChanges {
        let candidates = plans.filter {
            $0.plan.run.arm == run.arm && $0.plan.run.seed == run.seed
                && $0.plan.run.configurationHash != run.configurationHash
        }
        let compared = candidates.map { candidate in
            (candidate.directory.name, Self.differences(candidate.plan.run.configuration, run.configuration))
        }
        guard let nearest = compared.min(by: { ($0.1.count, $0.0) < ($1.1.count, $1.0) }) else { return RunChanges() }
        return RunChanges(earlierRun: nearest.0, configuration: nearest.1)
    }

    /// Keys that make a run what it is and whose values differ.
    static func differences(_ old: RunConfiguration, _ new: RunConfiguration) -> [RunChanges.Change] {
        SpecKey.all.filter { $0.isIdentity && ($0.applies(to: old) || $0.applies(to: new)) }.compactMap { key in
            let (from, to) = (key.value(in: old), key.value(in: new))
            return from == to ? nil : RunChanges.Change(name: key.path, from: from.text, to: to.text)
        }
    }
}

extension RunChanges {
    /// What changed since the results in a folder were made.
    init(since plan: RunPlan, of run: PlannedRun, in directory: RunDirectory, context: RunContext) {
        if let old = plan.sourceRevision, let new = context.sourceRevision, old != new {
            code = Change(name: "source_revision", from: Self.short(old), to: Self.short(new))
        }
        let now = context.fingerprints(run.configuration)
        guard !now.isEmpty, FileManager.default.fileExists(atPath: directory.resultsFile),
            // A damaged file is the decision's to tell.
            let stored = try? RunFile(path: directory.resultsFile).provenance
        else { return }
        data = now.sorted { $0.key < $1.key }.compactMap { name, fingerprint in
            guard let old = stored[name], old != fingerprint else { return nil }
            return Change(name: name, from: old, to: fingerprint)
        }
    }

    /// "0123abcd" or "0123abcd (modified)".
    private static func short(_ revision: String) -> String {
        let parts = revision.split(separator: " ", maxSplits: 1)
        return ([String(parts.first?.prefix(8) ?? "")] + parts.dropFirst().map(String.init)).joined(separator: " ")
    }
}
