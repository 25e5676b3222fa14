import ArgumentParser
import CPUKernels
import ExperimentSpec
import Foundation
import RunStore
import Training

/// `cjepa-exp selftest`: a golden training step through the back end.
struct SelftestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Run a golden training step and print the largest relative errors.",
        discussion: """
            The file holds weights, a batch, masks and the results of an independent implementation; its metadata gives \
            the sizes. Errors are relative to each tensor's largest magnitude. The exit code is 1 if one exceeds its \
            tolerance.
            """)

    @Option(help: ArgumentHelp("A golden file (default: the project's own).", valueName: "safetensors"))
    var golden: String?

    @Option(help: "Parts (shards) that the batch is split into.")
    var shards = 2

    @Option(help: "Compute threads.")
    var threads = 2

    @Option(help: "float32, bf16, or auto for whichever is faster here; each has its own tolerances.")
    var precision = TrainingConfiguration.Precision.float32

    @Flag(help: "Print JSON on standard output.")
    var json = false

    func validate() throws {
        try OptionBounds.check(shards, "--shards", in: OptionBounds.parallelism)
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
    }

    func run() throws {
        let usesBF16 = precision == .bf16 || (precision == .auto && CPUBackend.multipliesBF16)
        let backend = CPUBackend(precision: usesBF16 ? .bf16 : .float32)
        let path = try golden ?? Self.shippedGolden()
        let report: SelftestReport
        do {
            let check = try GoldenCheck(
                path: path, on: backend, shards: shards, threads: threads, tolerances: usesBF16 ? .bf16 : .float32)
            report = SelftestReport(file: path, backEnd: backend.summary, results: try check.run())
        } catch {
            let explanation = ErrorReport(error).explanation
            throw UnusableInput(
                place: path,
                problem: (explanation?.problem ?? "\(error)").replacing("\(path): ", with: ""),
                remedy: explanation?.remedy ?? "give a golden file as Tests/Golden/README.md describes it")
        }
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
        if !report.passes { throw ExitCode(1) }
    }

    /// Tests/Golden/tiny.safetensors of the checkout around the working directory or the program.
    private static func shippedGolden() throws -> String {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        let starts = [FileManager.default.currentDirectoryPath, (program as NSString).deletingLastPathComponent]
        for start in starts {
            var folder = start
            while true {
                let candidate = (folder as NSString).appendingPathComponent("Tests/Golden/tiny.safetensors")
                if FileManager.default.fileExists(atPath: candidate) { return candidate }
                let parent = (folder as NSString).deletingLastPathComponent
                if parent == folder || parent.isEmpty { break }
                folder = parent
            }
        }
        throw UnusableInput(
            place: "Tests/Golden/tiny.safetensors",
            problem: "not found in a checkout around the working directory or the program",
            remedy: "name a file with --golden")
    }
}

/// What the self-test found.
struct SelftestReport: Encodable {
    typealias Result = GoldenCheck<CPUBackend>.Result

    struct Group: Encodable {
        let group: Result.Group
        let tensors: Int
        /// Over all tensors of the group; absent if anything is not a number.
        let largestRelativeError: Double?
        let worstTensor: String
        let tolerance: Double
        let passes: Bool
    }

    let file: String
    let backEnd: String
    let passes: Bool
    let groups: [Group]
    let results: [Result]

    init(file: String, backEnd: String, results: [Result]) {
        self.file = file
        self.backEnd = backEnd
        self.results = results
        passes = results.allSatisfy(\.passes)
        groups = Result.Group.allCases.compactMap { group in
            let members = results.filter { $0.group == group }
            guard let worst = members.max(by: { ($0.relativeError ?? .infinity) < ($1.relativeError ?? .infinity) })
            else { return nil }
            return Group(
                group: group, tensors: members.count, largestRelativeError: worst.relativeError,
                worstTensor: worst.tensor, tolerance: worst.tolerance, passes: members.allSatisfy(\.passes))
        }
    }

    var text: String {
        var lines = ["\(file)", "back end: \(backEnd)", ""]
        for group in groups {
            let error = group.largestRelativeError.map { String(format: "%.1e", $0) } ?? "not a number"
            let name = group.group.rawValue.replacingOccurrences(of: "_", with: " ")
                .padding(toLength: 20, withPad: " ", startingAt: 0)
            lines.append(
                "\(name) \(group.tensors) tensors, largest relative error \(error) (\(group.worstTensor)), "
                    + "tolerance \(String(format: "%.0e", group.tolerance)): \(group.passes ? "ok" : "FAILED")")
        }
        let failed = results.filter { !$0.passes }
        lines += failed.map {
            "  \($0.tensor): \($0.relativeError.map { String(format: "%.3e", $0) } ?? "not a number")"
        }
        return lines.joined(separator: "\n")
    }
}
