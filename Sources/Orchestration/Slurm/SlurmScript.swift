/// The batch script of a job array, one run a task.
///
/// Slurm's notice before the time limit (SIGUSR1 to the script), a pre-emption or a cancellation (SIGTERM) end a task
/// with a checkpoint and exit code 75. Unless it was cancelled, it is put back into the queue then, and goes on from
/// there.
package struct SlurmScript: Sendable {
    package var experiment: String
    /// The program, and the file with the tasks: absolute paths on a file system that the nodes share.
    package var program: String
    package var tasksFile: String
    package var taskCount: Int
    /// Folder for the tasks' own output, absolute.
    package var logFolder: String
    /// Set in the tasks' environment.
    package var environment: [String: String]
    /// What a task is predicted to need.
    package var cpus: Int
    package var memoryBytes: Int
    package var options: SlurmOptions

    package init(
        experiment: String, program: String, tasksFile: String, taskCount: Int, logFolder: String,
        environment: [String: String], cpus: Int, memoryBytes: Int, options: SlurmOptions
    ) {
        precondition(taskCount > 0, "an array of \(taskCount) tasks")
        self.experiment = experiment
        self.program = program
        self.tasksFile = tasksFile
        self.taskCount = taskCount
        self.logFolder = logFolder
        self.environment = environment
        self.cpus = cpus
        self.memoryBytes = memoryBytes
        self.options = options
    }

    /// Arguments of sbatch, one a line of the script.
    var directives: [String] {
        let parallelism = options.arrayParallelism.map { "%\($0)" } ?? ""
        let mebibyte = 1 << 20
        var lines = [
            "--job-name=\(Self.jobName(of: experiment))", "--array=0-\(taskCount - 1)\(parallelism)",
            "--cpus-per-task=\(options.cpus ?? cpus)",
            "--mem=\(options.memory ?? "\((memoryBytes + mebibyte - 1) / mebibyte)M")",
        ]
        if let partition = options.partition { lines.append("--partition=\(partition)") }
        if let time = options.timeLimit { lines.append("--time=\(time)") }
        lines += [
            "--signal=B:USR1@\(options.noticeSeconds)", "--requeue", "--open-mode=append",
            "--output=\(Self.escaped(logFolder))/%A_%a.log",
        ]
        return lines + options.extra
    }

    package var text: String {
        var lines = [
            "#!/bin/bash", "# Runs of the experiment \(Self.printable(experiment)), one per task; made by cjepa-exp.",
        ]
        lines += directives.map { "#SBATCH " + Self.directive($0) }
        lines.append("")
        lines += environment.sorted { $0.key < $1.key }.map { "export \($0.key)=\(Self.quoted($0.value))" }
        lines += [
            "program=\(Self.quoted(program))", "tasks=\(Self.quoted(tasksFile))",
            "most_requeues=\(options.mostRequeues)", "", Self.body,
        ]
        return lines.joined(separator: "\n")
    }

    private static let body = #"""
        # Slurm sends USR1 before the time limit, and TERM for a pre-emption or a cancellation.
        stop() {
            stopping=yes
            [ -z "$task" ] || kill -TERM "$task" 2>/dev/null
        }
        stopping= task=
        trap stop USR1 TERM INT

        "$program" task "$tasks" "$SLURM_ARRAY_TASK_ID" --threads "${SLURM_CPUS_PER_TASK:-1}" &
        task=$!
        # A signal may have arrived before there was a process to pass it to.
        [ -z "$stopping" ] || kill -TERM "$task" 2>/dev/null
        wait "$task"
        code=$?
        # A trap ends `wait` with a code above 128 while the task is still running.
        while kill -0 "$task" 2>/dev/null; do
            wait "$task"
            code=$?
        done
        if [ "$code" -gt 128 ]; then
            wait "$task"
            again=$?
            [ "$again" -eq 127 ] || code=$again
        fi
        [ "$code" -eq 75 ] || exit "$code"

        # It stopped with a checkpoint. A cancelled task stays out of the queue; any other resumes later.
        job="${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
        state=$(squeue --noheader --states=all --jobs="$job" --format=%T 2>/dev/null)
        requeues=${SLURM_RESTART_COUNT:-0}
        case "$state" in
        CANCELLED | COMPLETING)
            echo "$job was cancelled; its run resumes with the next \`cjepa-exp run\`"
            ;;
        *)
            if [ "$requeues" -ge "$most_requeues" ]; then
                echo "$job was requeued $requeues times, which is the limit"
            else
                echo "$job will resume: requeued, time $((requeues + 1)) of at most $most_requeues"
                scontrol requeue "$job" || echo "$job could not be requeued"
            fi
            ;;
        esac
        exit "$code"

        """#

    /// A comment ends with its line.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }

    /// Slurm splits names of jobs at commas where it filters by them, and shows the first characters only.
    static func jobName(of experiment: String) -> String {
        "cjepa-" + experiment.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? String($0) : "_" }.joined()
    }

    /// A percent sign begins a pattern in the name of an output file.
    private static func escaped(_ path: String) -> String { path.replacing("%", with: "%%") }

    /// sbatch splits its lines at blanks as a shell does.
    static func directive(_ argument: String) -> String {
        argument.contains { $0.isWhitespace || "\"'\\#".contains($0) }
            ? "\"" + argument.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"" : argument
    }

    static func quoted(_ word: String) -> String { "'" + word.replacing("'", with: "'\\''") + "'" }
}
