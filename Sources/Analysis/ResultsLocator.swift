import ExperimentSpec
import Foundation
import RunStore

/// Finds experiments and runs under a results folder by path, name or the beginning of a name.
package struct ResultsLocator: Sendable {
    package let resultsDirectory: String

    package init(resultsDirectory: String) {
        self.resultsDirectory = resultsDirectory
    }

    /// The folder of an experiment: a path that holds `experiment.json`, or its name under the results folder.
    ///
    /// - Throws: `AnalysisError` that names the experiments that exist.
    package func experiment(_ text: String) throws -> String {
        if Self.isExperiment(text) { return text }
        return try Self.choose(text, among: experiments(), kind: "experiment", in: resultsDirectory)
    }

    /// The folder of a run: a path that holds `plan.json`, `experiment/run` or `run`, where `run` is the folder's name,
    /// arm and seed ("ijepa-s0"; of several configurations the one that the experiment holds now), or the beginning of
    /// a name as long as one run alone begins so. Every command that takes a run finds it here.
    ///
    /// - Throws: `AnalysisError` that names the runs that exist.
    package func run(_ text: String) throws -> String {
        if Self.isRun(text) { return text }
        if let slash = text.lastIndex(of: "/") {
            let folder = try experiment(String(text[..<slash]))
            let name = String(text[text.index(after: slash)...])
            return try Self.choose(name, among: Self.folders(in: folder, where: Self.isRun), kind: "run", in: folder)
        }
        let runs = try experiments().flatMap { try Self.folders(in: $0, where: Self.isRun) }
        return try Self.choose(text, among: runs, kind: "run", in: resultsDirectory)
    }

    /// The runs that a name stands for: all of an experiment, or one; and the folder that it names.
    ///
    /// A name that an experiment has is that experiment, also where a run begins like it.
    ///
    /// - Throws: `AnalysisError` where it is neither.
    package func runs(_ text: String) throws -> (name: String, directories: [String]) {
        let folder: String
        do {
            folder = try experiment(text)
        } catch {
            let run = try run(text)
            return (run, [run])
        }
        let record = try ExperimentRecord.load(fromExperiment: folder)
        return (folder, record.runs.map { (folder as NSString).appendingPathComponent($0.directoryName) })
    }

    /// Names of the experiments in the results folder, in alphabetical order; none where it cannot be read.
    package var experimentNames: [String] {
        ((try? experiments()) ?? []).map { ($0 as NSString).lastPathComponent }
    }

    /// Names of the run folders of an experiment in the results folder, in alphabetical order; none where it cannot be
    /// read.
    package func runNames(ofExperiment name: String) -> [String] {
        let folder = (resultsDirectory as NSString).appendingPathComponent(name)
        return ((try? Self.folders(in: folder, where: Self.isRun)) ?? []).map { ($0 as NSString).lastPathComponent }
    }

    private func experiments() throws -> [String] {
        try Self.folders(in: resultsDirectory, where: Self.isExperiment)
    }

    private static func choose(_ name: String, among folders: [String], kind: String, in place: String) throws -> String
    {
        func base(_ path: String) -> String { (path as NSString).lastPathComponent }
        var matches = folders.filter { base($0) == name }
        // "arm-s1" is a whole name, and not the beginning of "arm-s10-0123abcd".
        if matches.isEmpty, kind == "run" { matches = folders.filter { runName(base($0)) == name } }
        if matches.isEmpty { matches = folders.filter { base($0).hasPrefix(name) } }
        if matches.count > 1, kind == "run" {
            let current = matches.filter(isCurrent)
            if current.count == 1 { return current[0] }
        }
        if matches.count == 1 { return matches[0] }
        let isAmbiguous = matches.count > 1
        let shown = (isAmbiguous ? matches : folders).map { kind == "run" ? lastTwo($0) : base($0) }
        let nearest =
            isAmbiguous
            ? nil
            : nearestName(
                to: name, among: folders.map(base) + (kind == "run" ? folders.map { runName(base($0)) } : []))
        let remedy =
            shown.isEmpty
            ? "There is none yet: `cjepa-exp run SPEC` creates one; --results names the folder to search"
            : (nearest.map { "Did you mean “\($0)”? " } ?? "") + (isAmbiguous ? "It could be: " : "There are: ")
                + shown.prefix(20).joined(separator: ", ") + (shown.count > 20 ? ", and \(shown.count - 20) more" : "")
        throw AnalysisError(
            .unknownName, path: place,
            message:
                "\(isAmbiguous ? "more than one" : "no") \(kind) \(isAmbiguous ? "begins with" : "is called") “\(name)”",
            remedy: remedy)
    }

    /// Arm and seed of a run's folder: its name without the hash.
    private static func runName(_ folder: String) -> String {
        folder.lastIndex(of: "-").map { String(folder[..<$0]) } ?? folder
    }

    /// Whether the record of its experiment holds a run's folder.
    private static func isCurrent(_ path: String) -> Bool {
        let parent = (path as NSString).deletingLastPathComponent
        guard let record = try? ExperimentRecord.load(fromExperiment: parent) else { return false }
        return record.runs.contains { $0.directoryName == (path as NSString).lastPathComponent }
    }

    private static func lastTwo(_ path: String) -> String {
        (path as NSString).pathComponents.suffix(2).joined(separator: "/")
    }

    /// Folders directly inside `directory`, sorted by name; none where it does not exist.
    private static func folders(in directory: String, where isWanted: (String) -> Bool) throws -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder) else { return [] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw AnalysisError(
                .unknownName, path: directory,
                message: isFolder.boolValue
                    ? "the folder cannot be read: \(error.localizedDescription)"
                    : "this is a file, not a folder of results",
                remedy: isFolder.boolValue ? "check its permissions" : "--results names the folder to search")
        }
        return names.sorted()
            .map { (directory as NSString).appendingPathComponent($0) }
            .filter(isWanted)
    }

    private static func isExperiment(_ path: String) -> Bool { holds("experiment.json", path) }
    private static func isRun(_ path: String) -> Bool { holds("plan.json", path) }

    private static func holds(_ file: String, _ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: (folder as NSString).appendingPathComponent(file))
    }
}
