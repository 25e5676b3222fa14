import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp verify-resume`: proves that interruptions change no result.
struct VerifyResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-resume",
        abstract: "Test on a spec that killed and resumed runs end bit-identical to uninterrupted ones.",
        discussion: """
            Trains every run twice in a scratch folder: once without interruption, and once killed with SIGKILL at random \
            moments and resumed, with different numbers of compute and loader threads each time. After each kill the files \
            must be intact; at the end weights, optimiser state and everything stored must be equal bit by bit, except \
            wall-clock times.

            Exit codes: 0 identical, 1 not identical, 64 unusable spec or data.
            """)

    @Argument(help: "The experiment's .spec file.", completion: ShellCompletion.spec)
    var spec: String

    @Option(help: ArgumentHelp("How many times each run is killed.", valueName: "n"))
    var kills = 3

    @Option(help: ArgumentHelp("Stop killing a run after this many seconds.", valueName: "s"))
    var seconds: Double?

    @Option(help: "Seed for the moments and the numbers of threads.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Maximum number of compute threads (default: one per core).", valueName: "n"))
    var threads: Int?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a key of the spec; may be repeated.", valueName: "key.path=value"),
        completion: ShellCompletion.setting)
    var overrides: [String] = []

    @Option(help: ArgumentHelp("Only arms or runs that match (*, ?); may be repeated.", valueName: "pattern"))
    var only: [String] = []

    @Option(help: ArgumentHelp("Skip arms or runs that match (*, ?); may be repeated.", valueName: "pattern"))
    var skip: [String] = []

    @Option(help: ArgumentHelp("Where the scratch folder is made (default: the system's).", valueName: "dir"))
    var scratch: String?

    @Flag(help: "Keep the scratch folder; if something differs it is always kept.")
    var keep = false

    @Flag(help: "Print JSON on standard output.")
    var json = false

    func validate() throws {
        try OptionBounds.check(kills, "--kills", in: OptionBounds.repetitions)
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        try OptionBounds.check(seconds: seconds, "--seconds")
    }

    private struct Report: Encodable {
        var experiment: String
        var scratch: String?
        var identical: Bool
        var runs: [ResumeTrial.Result]
    }

    func run() async throws {
        let experiment = try loadSpec(spec, overrides: overrides, only: only, skip: skip)
        var seen: Set<DataIdentity> = []
        for run in experiment.runs where seen.insert(run.configuration.dataIdentity).inserted {
            try checkData(run.configuration)
        }
        let folder =
            (scratch ?? FileManager.default.temporaryDirectory.path)
            + "/cjepa-exp-verify-\(UUID().uuidString.prefix(8))"
        var results: [ResumeTrial.Result] = []
        for run in experiment.runs {
            let trial = ResumeTrial(
                command: WorkerCommand(environment: workerEnvironment()),
                plan: RunPlan(
                    experiment: experiment.name, question: experiment.question, baseline: experiment.baseline,
                    specPath: experiment.specPath, run: run),
                folder: folder, kills: kills, seed: seed, threads: threads ?? Machine.cores, seconds: seconds)
            let result = try await trial.run { say("\(run.name): \($0)") }
            say(Self.line(result))
            results.append(result)
        }
        let identical = results.allSatisfy(\.isIdentical)
        let isKept = keep || !identical
        if !isKept { try? FileManager.default.removeItem(atPath: folder) }
        if json {
            let report = Report(
                experiment: experiment.name, scratch: isKept ? folder : nil, identical: identical, runs: results)
            print(String(decoding: try StoredJSON.encode(report), as: UTF8.self))
        } else {
            print(Self.text(results))
            if isKept { print("scratch folder: \(folder)") }
        }
        if !identical { throw ExitCode(ErrorReport.failure) }
    }

    private func say(_ text: String) { Console.note(text) }

    private static func line(_ result: ResumeTrial.Result) -> String {
        let places = result.kills.map { $0.checkpoint.map { "\($0)" } ?? "–" }
        let shown = places.prefix(20).joined(separator: " ") + (places.count > 20 ? " …" : "")
        return
            "\(result.name): \(counted(result.kills.count, "kill")), newest checkpoints at steps \(shown): "
            + (result.isIdentical ? "identical" : "NOT identical")
    }

    private static func text(_ results: [ResumeTrial.Result]) -> String {
        var lines = results.map { result in
            let head =
                "\(result.name): \(result.isIdentical ? "identical" : "NOT identical") after "
                + "\(counted(result.kills.count, "kill")), "
                + "\(result.weights) tensors (xxh64 \(result.weightsXxh64)), \(result.datasets) datasets (xxh64 "
                + "\(result.datasetsXxh64))"
            let problems = result.kills.enumerated().flatMap { index, kill in
                kill.problems.map { "    after kill \(index + 1): \($0)" }
            }
            return ([head] + problems + result.differences.map { "    differs: \($0)" }).joined(separator: "\n")
        }
        let excluded = Set(results.flatMap(\.excluded)).sorted()
        if !excluded.isEmpty { lines.append("not compared (wall-clock times): " + excluded.joined(separator: ", ")) }
        lines.append("not compared: /provenance, and configuration keys that do not affect results")
        return lines.joined(separator: "\n")
    }
}
