import Declarations
import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import RunStore

/// What a shell offers for an argument that names something in the results, or a key of a spec.
///
/// The scripts of `--generate-completion-script` call the program for these, so it answers from names of folders and
/// small files alone, and offers nothing where something cannot be read.
struct ShellCompletion {
    private let words: [String]
    private let prefix: String

    /// - Parameters:
    ///   - words: The command line so far.
    ///   - prefix: The beginning of the word that is completed.
    init(words: [String], prefix: String) {
        self.words = words
        self.prefix = prefix
    }

    static let spec = CompletionKind.file(extensions: ["spec"])
    static let experiment = kind(\.experiments)
    static let run = kind(\.runs)
    /// What `export` takes.
    static let runOrExperiment = kind { $0.experiments + $0.runs }
    /// What `rerun` takes: with --failed, experiments.
    static let runOrFailed = kind { $0.words.contains("--failed") ? $0.experiments : $0.runs }
    static let metric = kind(\.metrics)
    static let setting = kind(\.settings)

    private static func kind(_ offers: @escaping @Sendable (ShellCompletion) -> [String]) -> CompletionKind {
        .custom { words, _, prefix in
            offers(ShellCompletion(words: words, prefix: prefix)).filter { name in
                // A shell reads one name from each line.
                !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
            }
        }
    }

    private var locator: ResultsLocator { ResultsLocator(resultsDirectory: results) }

    /// The value of --results; bash makes "=" a word of its own.
    private var results: String {
        for (index, word) in words.enumerated() {
            if word.hasPrefix("--results=") { return String(word.dropFirst("--results=".count)) }
            let value = words[(index + 1)...].first { $0 != "=" }
            if word == "--results", let value, !value.isEmpty { return value }
        }
        return "results"
    }

    private var experiments: [String] { locator.experimentNames }

    /// Run folders by name, with the experiment where several have a run of that name or where one is being typed.
    private var runs: [String] {
        let all = experiments.map { ($0, locator.runNames(ofExperiment: $0)) }
        let owners = Dictionary(all.flatMap(\.1).map { ($0, 1) }, uniquingKeysWith: +)
        return all.flatMap { experiment, runs in
            let isTyped = !prefix.isEmpty && "\(experiment)/".hasPrefix(prefix.prefix { $0 != "/" })
            return runs.flatMap { run in
                let whole = "\(experiment)/\(run)"
                return owners[run] != 1 ? [whole] : isTyped ? [run, whole] : [run]
            }
        }
    }

    /// Metrics of the experiment on the command line, as the plan of one of its runs says; else those of the defaults.
    private var metrics: [String] {
        let configuration = experiments.first(where: words.contains).flatMap { experiment in
            locator.runNames(ofExperiment: experiment).lazy.compactMap { run in
                try? RunDirectory(path: "\(results)/\(experiment)/\(run)").loadPlan().run.configuration
            }.first
        }
        return MetricCatalog(of: configuration ?? RunConfiguration(), encoder: "target").names
    }

    /// "key=", and once a key is typed its values, if they can be listed.
    private var settings: [String] {
        guard let key = SpecKey.all.first(where: { prefix.hasPrefix($0.path + "=") }) else {
            return SpecKey.all.map { $0.path + "=" }
        }
        return switch key.type {
        case .choice(let values): values.map { "\(key.path)=\($0)" }
        case .boolean: ["\(key.path)=true", "\(key.path)=false"]
        default: []
        }
    }
}
