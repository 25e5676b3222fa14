import Foundation
import Glibc
import Safetensors
import Subprocess
import SystemPackage

/// How worker processes are started: `executable leading… <arguments>`.
package struct WorkerCommand: Sendable {
    /// The program of this process.
    package static let ownProgram = "/proc/self/exe"

    /// Path of the program; the orchestrator's own by default.
    package var executable: String
    /// Arguments before those of the job.
    package var leadingArguments: [String]
    /// Set in the worker's environment, on top of the inherited one.
    package var environment: [String: String]

    package init(
        executable: String = WorkerCommand.ownProgram, leadingArguments: [String] = ["worker"],
        environment: [String: String] = [:]
    ) {
        self.executable = executable
        self.leadingArguments = leadingArguments
        self.environment = environment
    }

    /// Runs one worker to its end. It gets a process group of its own, so that a Ctrl-C in the terminal does not reach
    /// it, no standard input, and `logFile` as its standard error; output that is no event goes there too.
    ///
    /// - Parameters:
    ///   - arguments: What follows `leadingArguments`.
    ///   - ranks: Processes that do the job together; several are started through mpirun.
    ///   - logFile: Appended to; created if need be.
    ///   - onStart: Called with the process id once it runs.
    ///   - onEvent: Called for each event, in order.
    /// - Returns: How it ended. A program that cannot be started is a `WorkerExit` too.
    func run(
        _ arguments: [String], ranks: Int = 1, logFile: String, onStart: @Sendable (Int32) -> Void,
        onEvent: @Sendable (WorkerEvent) -> Void
    ) async -> WorkerExit {
        do {
            try SubprocessThreads.require()
            let log = FileDescriptor(rawValue: try OwnFile.open(logFile, appends: true))
            defer { try? log.close() }
            var options = PlatformOptions()
            options.processGroupID = 0
            let variables = environment.map { (Environment.Key(stringLiteral: $0.key), Optional($0.value)) }
            var program = executablePath
            var values = leadingArguments + arguments
            if ranks > 1 {
                let launcher = MPILauncher(ranks: ranks, variables: environment.keys.sorted())
                guard let path = launcher.path else { return .notStarted(MPILauncher.missing) }
                program = path
                values = launcher.arguments + [displayedPath ?? executable] + values
            }
            let result = try await Subprocess.run(
                .path(FilePath(program)),
                arguments: Arguments(
                    executablePathOverride: ranks > 1 ? nil : displayedPath, remainingValues: values),
                environment: .inherit.updating(Dictionary(uniqueKeysWithValues: variables)), platformOptions: options,
                input: .none, output: .sequence, error: .fileDescriptor(log, closeAfterSpawningProcess: false)
            ) { execution in
                onStart(execution.processIdentifier.value)
                var splitter = LineSplitter()
                func handle(_ lines: [String]) {
                    for line in lines {
                        if let event = WorkerEvent(line: line) {
                            onEvent(event)
                        } else {
                            // A log that cannot be written, on a full disk, is no reason to lose the worker.
                            _ = try? log.writeAll(Array((line + "\n").utf8))
                        }
                    }
                }
                for try await buffer in execution.standardOutput {
                    handle(splitter.append(buffer.withUnsafeBytes { Array($0) }))
                }
                handle(splitter.finish())
            }
            switch result.terminationStatus {
            // mpirun says so that a process of its job was killed.
            case .exited(let code): return ranks > 1 && code > 128 ? .signalled(code - 128) : .exited(code)
            case .signaled(let signal): return .signalled(signal)
            }
        } catch {
            return .notStarted("\(error)")
        }
    }

    /// "/proc/self/exe" would mean something else in the child. The file behind this process stays the same even where
    /// the program is built anew while runs go on.
    private var executablePath: String {
        executable == Self.ownProgram ? "/proc/\(getpid())/exe" : executable
    }

    /// The name that `ps` shows: the program's own path, not that of the link.
    private var displayedPath: String? {
        executable == Self.ownProgram ? try? FileManager.default.destinationOfSymbolicLink(atPath: executable) : nil
    }
}

/// How a worker process ended.
enum WorkerExit: Hashable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    /// It could not be started, or not be listened to.
    case notStarted(String)
    /// This process does not end, whatever signal it gets.
    case leftBehind(Int32)

    /// The code of a worker that stopped with a checkpoint (EX_TEMPFAIL).
    static let toBeResumed: Int32 = 75
    /// The code of a worker that was refused memory (EX_OSERR; see CAllocations).
    static let outOfMemory: Int32 = 71
}
