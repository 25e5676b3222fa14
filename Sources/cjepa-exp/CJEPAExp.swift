import ArgumentParser

/// The command line: subcommands only.
struct CJEPAExp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cjepa-exp",
        abstract: "Ablations of joint-embedding predictive methods: plan, train, compare.",
        discussion: """
            A spec (YAML, extension .spec) describes an experiment; its matrix defines the runs. Start with
            `cjepa-exp plan experiments/smoke.spec`, then `cjepa-exp run experiments/smoke.spec`.

            Exit codes: 0 success, 1 something failed, 64 the command line, the spec or the data cannot be used,
            71 out of memory, 75 stopped on request; the same command resumes.
            """,
        version: "0.1.0",
        subcommands: [
            PlanCommand.self, RunCommand.self, RerunCommand.self, StatusCommand.self, LogsCommand.self,
            ShowCommand.self, DiffCommand.self, TagCommand.self, CleanCommand.self, TableCommand.self,
            ReportCommand.self, FigureCommand.self, ExportCommand.self, EmbedCommand.self, DiagnoseCommand.self,
            RetestCommand.self,
            AttentionCommand.self, WeightsCommand.self,
            MasksCommand.self, DataCommand.self, BenchCommand.self, SelftestCommand.self, VerifyResumeCommand.self,
            SchemaCommand.self,
            WorkerEntry.self,
            TaskEntry.self,
        ])
}

@main
enum Program {
    static func main() async {
        restartWithSuitableOpenBLAS()
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let script = CompletionScript.requested(by: arguments) { return print(script) }
        do {
            try CommandName.check(arguments)
            var command = try CJEPAExp.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            ErrorReport(error).exit()
        }
    }
}
