import ExperimentSpec
import Foundation

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

    /// The folder of a run: a path that holds `plan.json`, `experiment/run` or `run`, where a run's name may be cut
    /// short as long as one run alone begins so.
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

    private func experiments() throws -> [String] {
        try Self.folders(in: resultsDirectory, where: Self.isExperiment)
    }

    private static func choose(_ name: String, among folders: [String], kind: String, in place: String) throws -> String
    {
        func base(_ path: String) -> String { (path as NSString).lastPathComponent }
        let exact = folders.filter { base($0) == name }
        let matches = exact.isEmpty ? folders.filter { base($0).hasPrefix(name) } : exact
        if matches.count == 1 { return matches[0] }
        let isAmbiguous = matches.count > 1
        let shown = (isAmbiguous ? matches : folders).map { kind == "run" ? lastTwo($0) : base($0) }
        let nearest = isAmbiguous ? nil : nearestName(to: name, among: folders.map(base))
        let remedy =
            shown.isEmpty
            ? "There is none yet; `cjepa-exp run SPEC` makes one, and --results says where to look"
            : (nearest.map { "Did you mean “\($0)”? " } ?? "") + (isAmbiguous ? "It could be: " : "There are: ")
                + shown.prefix(20).joined(separator: ", ") + (shown.count > 20 ? ", and \(shown.count - 20) more" : "")
        throw AnalysisError(
            .unknownName, path: place,
            message:
                "\(isAmbiguous ? "more than one" : "no") \(kind) \(isAmbiguous ? "begins with" : "is called") “\(name)”",
            remedy: remedy)
    }

    private static func lastTwo(_ path: String) -> String {
        (path as NSString).pathComponents.suffix(2).joined(separator: "/")
    }

    /// Folders directly inside `directory`, sorted by name; none where it does not exist.
    private static func folders(in directory: String, where isWanted: (String) -> Bool) throws -> [String] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            .map { (directory as NSString).appendingPathComponent($0) }
            .filter(isWanted)
    }

    private static func isExperiment(_ path: String) -> Bool { holds("experiment.json", path) }
    private static func isRun(_ path: String) -> Bool { holds("plan.json", path) }

    private static func holds(_ file: String, _ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: (folder as NSString).appendingPathComponent(file))
    }
}
