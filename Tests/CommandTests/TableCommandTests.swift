import Foundation
import Testing

/// What `table` prints where nothing else is asked for, and how it can be changed.
@Suite(.smokeRun) struct TableCommandTests {
    private func table(_ arguments: [String] = [], columns: String = "80") throws -> Program {
        try Program.run(
            ["table", "smoke", "--results", SmokeRun.results] + arguments, environment: ["COLUMNS": columns])
    }

    private func heading(_ program: Program) -> [String] {
        let line = program.output.split(separator: "\n").first { $0.hasPrefix("arm ") } ?? ""
        return line.split(separator: /\s{2,}/).map(String.init)
    }

    @Test func `run prints what table prints`() throws {
        let table = try table()
        #expect(table.status == 0 && SmokeRun.program.output.hasPrefix(table.output), "\(table.output)")
        #expect(table.output.contains("With one seed of each arm no difference can be told from chance"))
    }

    @Test(arguments: [40, 60, 80, 120, 200])
    func `Lines fit COLUMNS, and there are no colours without a terminal`(width: Int) throws {
        let program = try table(columns: "\(width)")
        #expect(program.output.split(separator: "\n").allSatisfy { $0.count <= width }, "\(program.output)")
        #expect(!program.output.contains("\u{1B}"))
    }

    /// A terminal of 60 columns and the environment's variables.
    @Test(
        arguments: [([:], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false)] as [([String: String], Bool)])
    func `A terminal has its own width, and colours unless it is told otherwise`(
        variables: [String: String], isColoured: Bool
    ) throws {
        let script = """
            import fcntl, os, pty, struct, sys, termios
            process, terminal = pty.fork()
            if process == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 60, 0, 0))
                os.execv(sys.argv[1], sys.argv[1:])
            try:
                while data := os.read(terminal, 65536):
                    sys.stdout.buffer.write(data)
            except OSError:
                pass
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
            """
        var environment = ["TERM": "xterm", "NO_COLOR": "", "COLUMNS": ""]
        environment.merge(variables) { $1 }
        let program = try Program.run(
            ["-c", script, Program.path, "table", "smoke", "--results", SmokeRun.results],
            executable: "/usr/bin/python3", environment: environment)
        #expect(program.status == 0, "\(program.error)")
        #expect(program.output.contains("\u{1B}[1m") == isColoured, "\(program.output)")
        let lines = program.output.replacing(/\x1B\[[0-9;]*[mK]/, with: "").split(whereSeparator: \.isNewline)
        #expect(lines.allSatisfy { $0.count <= 60 } && lines.contains { $0.count > 50 }, "\(lines)")
    }

    @Test func `Columns, order, arms and baseline can be chosen`() throws {
        let columns = try table(["--columns", "verdict,knn_20, n", "--no-legend"])
        #expect(heading(columns) == ["arm", "verdict", "knn_20", "n"], "\(columns.output)")
        #expect(!columns.output.contains("at initialisation: the same"))
        let only = try table(["--only", "sh*", "--format", "json"]).json()
        let rows = try #require(only["rows"] as? [[String: Any]])
        #expect(rows.prefix(2).map { $0["label"] as? String } == ["ijepa", "shared"] && rows.count == 4)
        let sorted = try table(["--sort", "-arm", "--format", "csv"])
        #expect(sorted.output.contains(/\n[^\n]*arm,shared,[\s\S]*arm,ijepa,[\s\S]*arm,cjepa,/), "\(sorted.error)")
        let baseline = try table(["--baseline", "cjepa", "--format", "json"]).json()
        #expect(baseline["baseline"] as? String == "cjepa")
        let claims = try #require(baseline["verdicts"] as? [[String: Any]])
        #expect(claims.contains { $0["claim"] as? String == "cjepa − ijepa in linear ≥ 0.5 points" })
        let (named, unnamed) = (try table(["--columns", "arm,n,rankme"]), try table(["--columns", "n,rankme"]))
        #expect(named.status == 0 && named.output == unnamed.output, "\(named.error)")
        let metric = try table(["--metric", "rankme"])
        #expect(heading(metric).contains("rankme") && metric.output.contains(" in rankme"), "\(metric.output)")
        let several = try table(["--metric", "rankme", "--metric", "knn_20@gain"])
        #expect(heading(several).contains("knn_20@gain"), "\(several.output)")
        let wide = try table(["--wide"], columns: "40")
        #expect(heading(wide).contains("images_per_second") && wide.output.contains("predictor_r2_position "))
        let markdown = try table(["--format", "md", "--no-legend", "--columns", "rankme,n"])
        #expect(markdown.output.contains(" rankme |") && !markdown.output.contains("Legend:"), "\(markdown.output)")
        #expect(!markdown.output.contains("knn_20 (%)"))
    }

    @Test(arguments: [
        (["--baseline", "cjep"], "there is no arm “cjep”", "Did you mean “cjepa”?"),
        (["--only", "shard"], "no arm matches “shard”", "Did you mean “shared”?"),
        (["--columns", "n,verdct"], "no run has a metric “verdct”", "Did you mean “verdict”?"),
        (["--columns", "rankmee"], "no run has a metric “rankmee”", "Did you mean “rankme”?"),
        (["--sort", "-ranks"], "--sort takes arm, metric, difference, rank", "did you mean '-rank'?"),
        (["--columns", "n,,p"], "--columns takes names", "for example n,linear,verdict"),
    ])
    func `Unknown names exit with 64 and the nearest`(arguments: [String], problem: String, remedy: String) throws {
        let program = try table(arguments)
        #expect(program.status == 64 && program.output.isEmpty)
        #expect(program.error.contains(problem) && program.error.contains(remedy), "\(program.error)")
    }

    @Test func `A written file has the format of its name`() throws {
        let folder = try TemporaryFolder()
        for (name, start) in [
            ("t.md", "### smoke"), ("t", "### smoke"), ("t.csv", "experiment,"), ("t.tex", "\\begin{table}"),
            ("t.json", "{"), ("t.txt", "smoke: "),
        ] {
            let file = folder.path + "/" + name
            let program = try table(["--output", file])
            #expect(program.status == 0 && program.output.isEmpty, "\(program.error)")
            #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix(start), "\(name)")
        }
        _ = try table(["--output", folder.path + "/x.csv", "--format", "md"])
        #expect(try String(contentsOfFile: folder.path + "/x.csv", encoding: .utf8).hasPrefix("### smoke"))
    }
}
