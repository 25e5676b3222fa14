import Testing

@Suite struct HelpTests {
    @Test func theProgramListsItsCommands() throws {
        let help = try Program.run(["--help"])
        #expect(help.status == 0)
        for command in [
            "plan", "run", "rerun", "status", "logs", "show", "diff", "tag", "clean", "table", "report", "figure",
            "export", "embed",
            "diagnose",
            "attention", "weights", "masks", "data", "bench", "selftest", "schema",
        ] {
            #expect(help.output.contains("\n  \(command) "))
        }
        #expect(try Program.run(["--version"]).output == "0.1.0\n")
    }

    @Test(arguments: [
        (
            ["plan", "--help"],
            """
            OVERVIEW: Show the runs of a spec, whether they will run and why, and their
            cost.

            Time is predicted from a few timed steps of each arm on this machine;
            --no-calibration skips this.
            Nothing is written.
            Data that is not there is named, and the costs are worked out without it.

            USAGE: cjepa-exp plan [<options>] <spec>

            """
        ),
        (
            ["run", "--help"],
            """
            OVERVIEW: Train every run of a spec that is not done yet, and print the
            comparison.

            """
        ),
        (
            ["status", "--help"],
            """
            OVERVIEW: Show which runs of an experiment are done, running or failed, and why.

            USAGE: cjepa-exp status <experiment> [--results <dir>] [--tag <tag> ...] [--watch] [--interval <s>] [--json]

            """
        ),
        (
            ["show", "--help"],
            """
            OVERVIEW: Show a run's configuration, provenance, state and evaluations.

            USAGE: cjepa-exp show <run> [--results <dir>] [--json]

            """
        ),
    ])
    func everyCommandExplainsItself(_ arguments: [String], _ beginning: String) throws {
        let help = try Program.run(arguments, environment: ["COLUMNS": "80"])
        #expect(help.status == 0)
        #expect(help.output.hasPrefix(beginning), "\(help.output)")
    }

    @Test(arguments: [
        (["plan"], "Missing expected argument '<spec>'"),
        (["run", "x.spec", "--workers", "0"], "--workers must be at least 1, but is 0."),
        (["run", "x.spec", "--thread", "1"], "Unknown option '--thread'"),
        (["dance"], "dance"),
    ])
    func aWrongCommandLineIsAnErrorOfUsage(_ arguments: [String], _ message: String) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 64)
        #expect(program.error.contains(message), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    @Test(arguments: [
        (["plann"], "there is no command 'plann'; did you mean 'plan'?"),
        (["rnu", "x.spec"], "there is no command 'rnu'; did you mean 'run'?"),
        (["PLAN", "x.spec"], "did you mean 'plan'?"), (["train", "x.spec"], "did you mean 'run'?"),
        (["log", "x"], "did you mean 'logs'?"), (["help", "tabel"], "did you mean 'table'?"),
        (["wroker"], "there is no command 'wroker'\n"), (["xyzzy"], "there is no command 'xyzzy'\n"),
        (["--hlep"], "--hlep is not an option of cjepa-exp itself; did you mean --help?"),
        (["a b.spec"], "`cjepa-exp plan 'a b.spec'` shows the runs"),
        (["--results", "x", "plan", "y.spec"], "write the command first: cjepa-exp plan --results …"),
        (["plan", "x.spec", "--thread", "1"], "Did you mean '--threads'?"),
        (["plan", "x.spec", "--precison", "bf16"], "Did you mean '--precision'?"),
    ])
    func aMisspeltWordIsAnsweredWithTheOneThatWasMeant(_ arguments: [String], _ message: String) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 64)
        #expect(program.error.contains(message), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    @Test(arguments: [["help", "plan"], ["--help"], ["-h"], ["help"], [], ["--generate-completion-script", "bash"]])
    func helpIsGivenWhereItIsAskedFor(_ arguments: [String]) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 0 && program.output.count > 500, "\(program.error)")
    }

    private static let huge = "9223372036854775807"

    /// Every option with a number that decides how much is computed, or by how many.
    @Test(arguments: [
        ["run", "x.spec", "--workers", huge], ["run", "x.spec", "--threads", huge], ["run", "x.spec", "--ranks", huge],
        ["plan", "x.spec", "--workers", huge], ["plan", "x.spec", "--threads", huge],
        ["rerun", "x", "--workers", huge], ["rerun", "x", "--threads", huge],
        ["run", "x.spec", "--launcher", "slurm", "--cpus", huge],
        ["run", "x.spec", "--launcher", "slurm", "--array-parallelism", huge],
        ["run", "x.spec", "--launcher", "slurm", "--notice", huge],
        ["run", "x.spec", "--launcher", "slurm", "--requeues", huge],
        ["bench", "--threads", huge], ["bench", "--steps", huge], ["bench", "--warmup", huge],
        ["bench", "--seconds", "1e300"], ["bench", "--seconds", "nan"], ["bench", "--batch", huge],
        ["bench", "--image", huge], ["bench", "--shards", huge], ["bench", "--min-keep", huge],
        ["masks", "x.spec", "--step", huge], ["masks", "x.spec", "--rows", huge],
        ["masks", "x.spec", "--batches", huge],
        ["attention", "x", "--output", "x", "--threads", huge], ["report", "x", "--threads", huge],
        ["selftest", "--threads", huge], ["selftest", "--shards", huge],
        ["verify-resume", "x.spec", "--kills", huge], ["verify-resume", "x.spec", "--threads", huge],
        ["verify-resume", "x.spec", "--seconds", "inf"], ["worker", "x", "--threads", huge],
        ["task", "x", "0", "--threads", huge], ["logs", "x", "--lines", huge],
        ["export", "x", "--embeddings", "--step", huge],
        ["embed", "x", "--output", "x.npz", "--threads", huge], ["embed", "x", "--output", "x.npz", "--heads", huge],
        ["embed", "x", "--output", "x.npz", "--image-size", huge],
        ["embed", "x", "--output", "x.npz", "--short-side", huge],
        ["weights", "show", "x", "--step", huge], ["weights", "show", "x", "--heads", huge],
    ])
    func numbersWithoutBoundsAreErrorsOfUsage(_ arguments: [String]) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 64, "\(program.error)")
        let option = try #require(arguments.last { $0.hasPrefix("--") })
        #expect(program.error.contains("\(option) must be ") || program.error.contains("\(option) takes "))
        #expect(program.output.isEmpty)
    }
}
