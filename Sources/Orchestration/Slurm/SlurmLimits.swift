import Foundation

/// What a cluster takes of one user.
package struct SlurmLimits: Hashable, Sendable {
    /// Slurm's MaxArraySize: a bound on the index of a task, which counts from 0.
    package var arraySize: Int
    /// Tasks that may be submitted now: what MaxSubmitJobs and GrpSubmitJobs leave. Nil where no limit is known.
    package var room: Int?

    /// Slurm's own default.
    static let usualArraySize = 1001

    package init(arraySize: Int = usualArraySize, room: Int? = nil) {
        self.arraySize = max(1, arraySize)
        self.room = room.map { max(0, $0) }
    }

    /// Asks scontrol; what the options say counts instead.
    ///
    /// - Parameter queued: Tasks of the experiment that wait or work, which count against `options.mostSubmitted`.
    /// - Returns: Slurm's defaults where scontrol does not answer, as in a dry run on another machine.
    static func ask(_ options: SlurmOptions, queued: Int, user: String = NSUserName()) async -> SlurmLimits {
        var size = options.mostIndices
        if size == nil { size = await answer(["show", "config"]).flatMap(arraySize(in:)) }
        if let most = options.mostSubmitted {
            return SlurmLimits(arraySize: size ?? usualArraySize, room: most - queued)
        }
        let associations = await answer(["--oneliner", "show", "assoc_mgr", "users=\(user)", "flags=assoc"])
        return SlurmLimits(
            arraySize: size ?? usualArraySize, room: associations.flatMap { room(in: $0, user: user) })
    }

    private static func answer(_ arguments: [String]) async -> String? {
        guard let result = try? await SystemCommand.run("scontrol", arguments), result.isSuccess else { return nil }
        return result.output
    }

    /// From `scontrol show config`, whose lines are like "MaxArraySize            = 1001".
    static func arraySize(in configuration: String) -> Int? {
        configuration.firstMatch(of: #/(?m)^\s*MaxArraySize\s*=\s*([0-9]+)\s*$/#).flatMap { Int($0.1) }
    }

    /// From `scontrol --oneliner show assoc_mgr`: "… UserName=ada(1000) … MaxSubmitJobs=500(3) …", a limit with what is
    /// used of it; "N" or nothing where there is no limit. Where a user has several accounts, the tightest counts.
    static func room(in associations: String, user: String) -> Int? {
        associations.split(separator: "\n").filter { $0.contains(" UserName=\(user)(") }
            .flatMap { line in line.matches(of: #/\b(?:Max|Grp)SubmitJobs=([0-9]+)(?:\(([0-9]+)\))?/#) }
            .compactMap { match in Int(match.1).map { $0 - (match.2.flatMap { Int($0) } ?? 0) } }
            .min()
    }

    /// Tasks by job array, in order, and how many do not fit into the queue.
    func arrays<Task>(of tasks: [Task]) -> (arrays: [[Task]], leftOut: Int) {
        let taken = Array(tasks.prefix(room ?? tasks.count))
        let arrays = stride(from: 0, to: taken.count, by: arraySize).map { start in
            Array(taken[start..<min(taken.count, start + arraySize)])
        }
        return (arrays, tasks.count - taken.count)
    }
}
