import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp data check`: opens every image.
struct DataCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Open every image, and list what is unreadable or odd.",
        discussion: """
            What was found is kept, so that a check goes on where it was stopped; images in files that have changed are opened \
            again. The exit code is 1 if training would fail: an image cannot be read (unless the spec says data.on_unreadable: skip), a \
            class has no training image, or the spec asks for labels or numbers of images that are not there.
            """)

    @OptionGroup var images: DataOptions

    @Flag(help: "List all findings, not the first \(DataFinding.shown) of each kind.")
    var all = false

    @Flag(help: "Forget what an earlier check found, and open every file again.")
    var fresh = false

    @Option(help: ArgumentHelp("Threads. (default: one per core)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws { try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism) }

    func run() throws {
        Console.begin("finding the images of \(images.place)")
        let data = try images.open(keepsAll: true)
        let examination = DataExamination(data, threads: threads ?? Machine.cores, isFresh: fresh)
        let report = DataCheckReport(examination, limit: all ? nil : DataFinding.shown)
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
        if report.wouldFail { throw ExitCode(ErrorReport.failure) }
    }
}
