package import Foundation
import RunStore

/// What the tasks of a job array do, in the order of their indices: `<stamp>.tasks.json` beside the batch script.
package struct SlurmTasks: Codable, Hashable, Sendable {
    package struct Task: Codable, Hashable, Sendable {
        /// The run's name, or "floors".
        package var name: String
        /// Folder of a run; nil for floors.
        package var directory: String?
        /// Of floors: the file to write, and the plan whose data and probes count.
        package var output: String?
        package var planFile: String?
        /// How often a failure is tried again within the task.
        package var retries: Int
        /// None in files of earlier versions: one.
        package var ranks: Int?

        package init(_ job: Job) {
            name = job.name
            retries = job.retries
            ranks = job.ranks
            switch job.kind {
            case .run(let folder):
                directory = Self.absolute(folder.path)
            case .floors(let request):
                output = Self.absolute(request.output)
                planFile = Self.absolute(request.planFile)
            }
        }

        /// - Parameter threads: Compute threads that the task has.
        /// - Returns: Nil where the file says neither of a run nor of floors.
        package func job(threads: Int) -> Job? {
            let demand = Demand(memoryBytes: 0, threads: threads)
            if let directory {
                return Job(
                    name: name, kind: .run(RunDirectory(path: directory)), demand: demand, retries: retries,
                    ranks: max(1, ranks ?? 1))
            }
            guard let output, let planFile else { return nil }
            return Job(
                name: name, kind: .floors(FloorsRequest(output: output, planFile: planFile)), demand: demand,
                retries: retries)
        }

        /// Tasks run on other machines, in whatever folder.
        private static func absolute(_ path: String) -> String {
            URL(fileURLWithPath: path).standardizedFileURL.path
        }
    }

    package var formatVersion = RunFormat.version
    package var tasks: [Task]

    package init(_ jobs: [Job]) {
        tasks = jobs.map(Task.init)
    }
}

/// Job arrays that were submitted for an experiment: `slurm.json` in its folder.
package struct SlurmSubmissions: Codable, Hashable, Sendable {
    package struct Submission: Codable, Hashable, Sendable {
        /// Of the array.
        package var job: Int
        package var submittedAt: Date
        package var script: String
        /// Names of the runs' folders by task index; the floors' file for floors.
        package var tasks: [String]
    }

    package var formatVersion = RunFormat.version
    /// Oldest first.
    package var submissions: [Submission] = []

    static func path(in folder: ExperimentFolder) -> String { folder.path + "/slurm.json" }

    /// None were submitted where there is no such file.
    /// - Throws: `RunStoreError` where it is damaged.
    package static func load(from folder: ExperimentFolder) throws -> SlurmSubmissions {
        let file = path(in: folder)
        guard FileManager.default.fileExists(atPath: file) else { return SlurmSubmissions() }
        return try StoredJSON.read(from: file)
    }

    /// - Throws: `FileWriteError`; the old file is untouched then.
    func save(to folder: ExperimentFolder) throws { try StoredJSON.write(self, to: Self.path(in: folder)) }
}
