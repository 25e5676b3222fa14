import Declarations
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// A folder for one test that goes away with it, and a Python script in it that plays the worker.
///
/// What it does is written in `<run folder>/script.json`: a list of steps for each attempt; see the script.
final class FakeWorker: Sendable {
    let folder: String
    let script: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("orchestration-\(UUID())").path
        script = folder + "/worker.py"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.source.write(toFile: script, atomically: true, encoding: .utf8)
        try storeResults(at: folder + "/results.h5")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    var command: WorkerCommand {
        WorkerCommand(
            executable: "/usr/bin/python3", leadingArguments: [script], environment: ["FAKE_WORKER": folder])
    }

    func scheduler(
        cores: Int = 2, workers: Int? = nil, memoryKills: MemoryKills = MemoryKills { nil }
    ) -> Scheduler {
        Scheduler(
            command: command, capacity: Capacity(cores: cores, memoryBytes: 1 << 40, workers: workers),
            retrySeconds: 0.01, tickSeconds: 0.01, memoryKills: memoryKills)
    }

    /// A run's folder with what its worker is to do, attempt by attempt; the last list serves all further attempts.
    func job(
        _ name: String, _ attempts: [[String]], retries: Int = 0, demand: Demand = Demand(memoryBytes: 1),
        stopsOthers: Bool = false
    ) throws -> Job {
        let directory = RunDirectory(path: folder + "/" + name)
        try directory.create()
        try JSONEncoder().encode(attempts).write(to: URL(fileURLWithPath: directory.path + "/script.json"))
        return Job(
            name: name, kind: .run(directory), demand: demand, retries: retries, stopsOthers: stopsOthers)
    }

    func directory(_ name: String) -> RunDirectory { RunDirectory(path: folder + "/" + name) }

    func log(_ name: String) throws -> String {
        try String(contentsOfFile: directory(name).logFile, encoding: .utf8)
    }

    /// Lines that workers wrote about themselves: "start NAME THREADS", "end NAME", in the order of time.
    var journal: [String] {
        let text = (try? String(contentsOfFile: folder + "/journal", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// Steps: "say TEXT", "complain TEXT" (standard error), "garbage" (bytes that are no text), "state STATUS",
    /// "failure KIND", "hold" (a process of another group keeps standard output open for an hour),
    /// "sleep SECONDS", "wait FILE" (until a journal has a line), "ignore" (SIGINT), "graceful" (SIGINT → checkpoint,
    /// interrupted, exit 75), "flood N" (N step events), "kill SIGNAL", "exit CODE", "environment NAME",
    /// "results" (a run.h5 with one step).
    private static let source = #"""
        import json, os, shutil, signal, subprocess, sys, time

        home = os.environ["FAKE_WORKER"]
        if sys.argv[1] == "--floors":
            output, plan = sys.argv[2], sys.argv[4]
            open(output, "w").write("{}")
            open(home + "/journal", "a").write("floors " + os.path.basename(plan) + "\n")
            sys.exit(0)
        run = sys.argv[1]
        name = os.path.basename(run)
        threads = sys.argv[sys.argv.index("--threads") + 1]

        def journal(text):
            with open(home + "/journal", "a") as file:
                file.write(text + "\n")

        def say(text):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

        def state(status, reason=None, failure=None):
            now = "2026-01-01T00:00:00Z"
            value = {"status": status, "step": 3, "total_steps": 10, "attempts": attempt + 1, "pid": os.getpid(),
                     "host": os.uname().nodename, "started_at": now, "updated_at": now, "metrics": {}}
            if reason:
                value["exit_reason"] = reason
            if failure:
                value["failure"] = failure
            with open(run + "/state.json.new", "w") as file:
                json.dump(value, file)
            os.rename(run + "/state.json.new", run + "/state.json")

        def stop(number, frame):
            say('{"event":"checkpoint","step":3}')
            state("interrupted", "signal SIGINT")
            say('{"event":"end","status":"interrupted"}')
            journal("end " + name)
            os._exit(75)

        count_file = run + "/attempts"
        attempt = int(open(count_file).read()) if os.path.exists(count_file) else 0
        open(count_file, "w").write(str(attempt + 1))
        scripts = json.load(open(run + "/script.json"))
        steps = scripts[min(attempt, len(scripts) - 1)]
        journal("start %s %s" % (name, threads))
        code = 0
        for step in steps:
            verb, _, rest = step.partition(" ")
            if verb == "say": say(rest)
            elif verb == "complain": sys.stderr.write(rest + "\n")
            elif verb == "garbage":
                sys.stdout.buffer.write(b"\xff\xfe{ not json\nplain text\n{\"event\":\"unknown\"}\n\n")
                sys.stdout.flush()
            elif verb == "state": state(rest)
            elif verb == "failure": state("failed", "why", rest)
            elif verb == "sleep": time.sleep(float(rest))
            elif verb == "wait":
                while rest not in open(home + "/journal").read().split("\n"): time.sleep(0.01)
            elif verb == "ignore": signal.signal(signal.SIGINT, signal.SIG_IGN)
            elif verb == "graceful": signal.signal(signal.SIGINT, stop)
            elif verb == "ready": journal("ready " + name)
            elif verb == "flood":
                for number in range(int(rest)):
                    sys.stdout.write('{"event":"step","step":%d,"total_steps":%s,"loss":1.5}\n' % (number + 1, rest))
                sys.stdout.flush()
            elif verb == "environment": say(json.dumps({"event": "phase", "name": os.environ.get(rest, "none")}))
            elif verb == "group": say(json.dumps({"event": "phase", "name": str(os.getpgrp() == os.getpid())}))
            elif verb == "hold":
                subprocess.Popen(
                    ["sh", "-c", "sleep 3600; echo end holder >> '%s/journal'" % home], start_new_session=True,
                    stderr=subprocess.DEVNULL)
            elif verb == "results": shutil.copyfile(home + "/results.h5", run + "/run.h5")
            elif verb == "kill":
                journal("end " + name)
                os.kill(os.getpid(), getattr(signal, rest))
                time.sleep(5)
            elif verb == "exit": code = int(rest)
            else: raise SystemExit("unknown step " + step)
        journal("end " + name)
        sys.exit(code)
        """#
}

/// Writes a file of results with one step.
func storeResults(at path: String) throws {
    let run = experiment().runs[0]
    let plan = RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: run)
    let writer = try RunWriter.create(at: path, header: RunHeader(plan), configuration: run.configuration)
    writer.append("steps", [("step", 1), ("loss", 1)])
    try writer.commit()
}

/// A job that ends well.
let success = ["say {\"event\":\"end\",\"status\":\"done\"}", "state done"]

/// Counts what a test says about interrupts; the scheduler asks for it from its own task.
final class Interruptions: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    var count: Int { lock.withLock { value } }
    func add() { lock.withLock { value += 1 } }
}

func experiment(arms: [String] = ["a", "b"], seeds: [Int] = [0], name: String = "trial") -> Experiment {
    var runs: [PlannedRun] = []
    for (index, arm) in arms.enumerated() {
        for seed in seeds {
            var configuration = RunConfiguration()
            configuration.seed = seed
            configuration.set("objective.vicreg.weight", to: .number(Double(index)))
            let hash = String(repeating: "\(index)", count: 64)
            runs.append(
                PlannedRun(
                    arm: arm, seed: seed, configuration: configuration,
                    differences: ["objective.vicreg.weight": "\(index)"], configurationHash: hash))
        }
    }
    return Experiment(
        name: name, question: "Does it help?", expected: "Perhaps.", baseline: arms[0], arms: arms, runs: runs,
        specPath: "trial.spec")
}
